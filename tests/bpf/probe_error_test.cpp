// SPDX-License-Identifier: Apache-2.0
#include "bpf/probe_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace clew::agent {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(ProbeError, missing_rights_are_exit_code_5_with_a_remedy) {
    for (const int number : {EPERM, EACCES}) {
        const Error error = probe_error("tcp_socket", "load", number);
        EXPECT_EQ(error.kind, ErrorKind::not_allowed);
        EXPECT_THAT(error.sentence, AllOf(HasSubstr("tcp_socket"), HasSubstr("run")));
    }
}

TEST(ProbeError, a_refusal_by_the_kernel_is_exit_code_1_and_names_verbose) {
    const Error error = probe_error("tcp_socket", "load", EINVAL);
    EXPECT_EQ(error.kind, ErrorKind::failed);
    EXPECT_THAT(error.sentence, AllOf(HasSubstr("Invalid argument"), HasSubstr("--verbose")));
}

}  // namespace
}  // namespace clew::agent
