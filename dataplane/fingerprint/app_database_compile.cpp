// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <vector>

#include <hs/hs.h>

#include "dataplane/fingerprint/app_database.h"
#include "nat-trace/check.h"

namespace clew::sensor {
namespace {

struct Expression {
    Carrier transport;
    const char* text;
};

constexpr Expression expressions[] = {
#define CLEW_SIGNATURE(app, transport, expression, check) {Carrier::transport, expression},
#include "dataplane/fingerprint/app_signatures.def"
#undef CLEW_SIGNATURE
};

bool is_of(const Expression& expression, Carrier transport) {
    return expression.transport == transport || expression.transport == Carrier::any;
}

}  // namespace

std::vector<const char*> expressions_of(Carrier transport) {
    std::vector<const char*> texts;
    for (const Expression& expression : expressions)
        if (is_of(expression, transport)) texts.push_back(expression.text);
    return texts;
}

hs_database* compile_signatures(Carrier transport) {
    const std::vector<const char*> texts = expressions_of(transport);
    std::vector<unsigned> flags, ids;
    for (unsigned i = 0; i < std::size(expressions); ++i) {
        if (!is_of(expressions[i], transport)) continue;
        flags.push_back(HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH);
        ids.push_back(i);
    }
    const hs_platform_info_t platform{HS_TUNE_FAMILY_GENERIC, HS_CPU_FEATURES_AVX2, 0, 0};
    hs_database_t* database = nullptr;
    hs_compile_error_t* error = nullptr;
    hs_compile_multi(texts.data(), flags.data(), ids.data(), static_cast<unsigned>(texts.size()), HS_MODE_BLOCK,
                     &platform, &database, &error);
    if (error) std::fprintf(stderr, "signature %d: %s\n", error->expression, error->message);
    CLEW_CHECK(database != nullptr);
    return database;
}

}  // namespace clew::sensor
