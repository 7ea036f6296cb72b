# SPDX-License-Identifier: Apache-2.0
# Flags that hold for every target of the project, and the folder the programs are left in.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-g1")  # lines for the sanitizers' reports; more costs a tenth of the build's time
set(CMAKE_C_FLAGS_DEBUG "-g1")

set(CLEW_MARCH "x86-64-v3" CACHE STRING "instruction set of all targets (AVX2: what the embedded store needs as well)")
set(CLEW_SANITIZE "" CACHE STRING "sanitizers for the whole build, for example address,undefined")
option(CLEW_FUZZ "build the fuzzers (clang)" OFF)

add_library(clew_options INTERFACE)
target_compile_options(clew_options INTERFACE -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor
    $<$<CXX_COMPILER_ID:GNU>:-Wno-volatile> -fno-strict-aliasing)
# CHECK stays on in release; NDEBUG is not defined by our release flags on purpose.
target_include_directories(clew_options INTERFACE ${CMAKE_SOURCE_DIR})
if(CLEW_SANITIZE)
    add_compile_options(-fsanitize=${CLEW_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${CLEW_SANITIZE})
    if(CLEW_SANITIZE MATCHES "undefined")
        add_compile_options(-fno-sanitize-recover=undefined)
    endif()
endif()
if(CLEW_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
    set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
    add_link_options(-fuse-ld=mold)
endif()
