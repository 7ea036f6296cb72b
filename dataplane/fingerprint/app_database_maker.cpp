// SPDX-License-Identifier: Apache-2.0
// A step of the build: writes the compiled signatures of both transports as arrays of C. app_database_maker FILE
#include <cstdio>
#include <cstdlib>

#include <hs/hs.h>

#include "dataplane/fingerprint/app_database.h"
#include "nat-trace/check.h"

namespace {

void write(std::FILE* to, const char* name, clew::sensor::Carrier transport) {
    hs_database_t* database = clew::sensor::compile_signatures(transport);
    char* bytes = nullptr;
    std::size_t count = 0;
    CLEW_CHECK(hs_serialize_database(database, &bytes, &count) == HS_SUCCESS);
    std::fprintf(to, "constexpr unsigned char %s[] = {", name);
    for (std::size_t i = 0; i < count; ++i)
        std::fprintf(to, "%s%u,", i % 32 == 0 ? "\n" : "", static_cast<unsigned>(static_cast<unsigned char>(bytes[i])));
    std::fprintf(to, "};\n");
    std::free(bytes);
    hs_free_database(database);
}

}  // namespace

int main(int argc, char** argv) {
    std::FILE* to = argc == 2 ? std::fopen(argv[1], "w") : nullptr;
    if (!to) {
        std::fprintf(stderr, "usage: app_database_maker FILE\n");
        return 2;
    }
    write(to, "made_of_tcp", clew::sensor::Carrier::tcp);
    write(to, "made_of_udp", clew::sensor::Carrier::udp);
    return std::fclose(to) == 0 ? 0 : 1;
}
