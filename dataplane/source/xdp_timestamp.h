/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the XDP program puts in front of every frame; read by both sides. */
#ifndef CLEW_DATAPLANE_SOURCE_XDP_TIMESTAMP_H
#define CLEW_DATAPLANE_SOURCE_XDP_TIMESTAMP_H

#include <linux/types.h>

#define CLEW_XDP_STAMP_MARK 0x706d617473776c63ull /* "clwstamp" */

struct clew_xdp_stamp {
    __u64 mark;
    __u64 tai_ns; /* CLOCK_TAI */
};

#endif
