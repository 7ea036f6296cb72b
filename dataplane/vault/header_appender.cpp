// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vault/header_appender.h"

namespace clew::vault {

Result<std::unique_ptr<HeaderAppender>> HeaderAppender::create(const HeaderAppenderSettings& settings,
                                                               std::uint32_t leg_count_max, std::uint64_t id_base,
                                                               bool populate) {
    std::unique_ptr<HeaderAppender> appender(new HeaderAppender(settings));
    bool allocated = appender->places_.allocate(leg_count_max, populate);
    for (OpenBlock& block : appender->line_.blocks())
        allocated = allocated && block.allocate(settings.block, id_base, populate);
    if (allocated) return appender;
    return fail(ErrorKind::failed, "the header log needs " +
                                       std::to_string(memory_bytes(settings, leg_count_max) >> 20) +
                                       " MB for its open blocks and the machine does not have them: lower "
                                       "vault.blocks or vault.block_packets");
}

std::size_t HeaderAppender::memory_bytes(const HeaderAppenderSettings& settings, std::uint32_t leg_count_max) {
    return sensor::FixedArray<LegPlace>::memory_bytes(leg_count_max) +
           settings.block_count * OpenBlock::memory_bytes(settings.block);
}

}  // namespace clew::vault
