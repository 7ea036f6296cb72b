// SPDX-License-Identifier: Apache-2.0
// The packets of a path as pcapng: the browser itself saves what comes, so that it takes no memory of the page, goes on when
// another view is opened, and is stopped where the browser shows its downloads. What is missing is said in the file.
import { t } from "./words";

export function Download(props: { address: string; name: string; label: string }) {
  return <a class="button download" href={props.address} download={props.name} title={t("the file's last comment says what is missing in it, if anything is")}>{props.label}</a>;
}
