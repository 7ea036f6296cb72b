// SPDX-License-Identifier: Apache-2.0
#include "dataplane/header_answers.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <set>

#include "dataplane/vault/header_log_writer.h"
#include "dataplane/vault/tap_table.h"
#include "tests/dataplane/vault/model_disk.h"

namespace clew::sensor {
namespace {

v1::HeaderRequest request_of(std::uint64_t id, bool withdrawn = false) {
    v1::HeaderRequest request;
    request.set_request_id(id);
    request.set_withdrawn(withdrawn);
    return request;
}

TEST(HeaderAnswers, AQuestionThatIsWithdrawnIsNotAnswered) {
    vault::ModelDisk disk;
    vault::BlockStoreSettings settings;
    settings.directory = "vault";
    settings.first_block = vault::encode(vault::TapTable{"s", {"edge"}});
    auto store = vault::BlockStore::open(disk, settings, vault::header_log_shape);
    ASSERT_TRUE(store);
    VaultLogs logs;
    logs.header_store = store->get();
    logs.taps = {"edge"};
    HeaderAnswers answers(logs);
    std::promise<void> in_hand, go_on, last;
    std::set<std::uint64_t> answered;  // on the answers' thread until `last`
    answers.answer(request_of(1), [&](const v1::HeaderReply&) {
        answered.insert(1);
        in_hand.set_value();
        go_on.get_future().wait();
    });
    in_hand.get_future().wait();
    for (const std::uint64_t id : {2, 3, 4})
        answers.answer(request_of(id), [&, id](const v1::HeaderReply&) {
            answered.insert(id);
            if (id == 4) last.set_value();
        });
    answers.answer(request_of(3, true), {});
    answers.answer(request_of(1, true), {});  // in hand: its reply is on the way already
    answers.answer(request_of(9, true), {});  // never asked
    go_on.set_value();
    last.get_future().wait();
    EXPECT_EQ(answered, (std::set<std::uint64_t>{1, 2, 4}));
}

}  // namespace
}  // namespace clew::sensor
