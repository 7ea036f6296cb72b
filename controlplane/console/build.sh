#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build.sh OUT STAMP: checks the console's types and texts and builds it into OUT. npm is asked for packages only where
# those of the lock file are not there already; without them the console is left out, and only that.
set -euo pipefail
out=$(realpath -m "$1") stamp=$(realpath -m "$2")
cd "$(dirname "$(readlink -f "$0")")"

left_out() { # WHY: no stamp, so that the next build tries again
    echo "console: not built, $1; everything else is" >&2
    exit 0
}

command -v npm >/dev/null && command -v node >/dev/null || left_out "npm is not installed ('./dev setup' installs it)"
sum=$(sha256sum package-lock.json | cut -d' ' -f1)
if [ "$(cat node_modules/.clew-lock 2>/dev/null)" != "$sum" ]; then
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    npm ci --ignore-scripts --no-audit --no-fund > "$log" 2>&1 || left_out "npm could not fetch its packages ($(grep -m1 'npm error code' "$log" || tail -1 "$log"))"
    echo "$sum" > node_modules/.clew-lock
fi
node_modules/.bin/tsc --noEmit
node check_words.mjs
node_modules/.bin/vite build --logLevel warn --outDir "$out"
touch "$stamp"
