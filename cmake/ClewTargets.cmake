# SPDX-License-Identifier: Apache-2.0
# The few ways to make a target. Each names the folder it lives in, and the link direction of the house
#     nat-trace <- wire <- {dataplane, bpf, controlplane} <- cli      (configs: a leaf that all but nat-trace may use)
# is checked here, at configure time. The include direction is checked by `./dev lint`.

set(CLEW_MAY_LINK_nat-trace nat-trace)
set(CLEW_MAY_LINK_configs configs nat-trace)
set(CLEW_MAY_LINK_wire wire configs nat-trace)
set(CLEW_MAY_LINK_dataplane dataplane wire configs nat-trace)
set(CLEW_MAY_LINK_bpf bpf wire configs nat-trace)
set(CLEW_MAY_LINK_controlplane controlplane wire configs nat-trace)
set(CLEW_MAY_LINK_cli cli controlplane dataplane bpf wire configs nat-trace)

function(clew_link name)
    get_target_property(folder ${name} CLEW_FOLDER)
    foreach(other IN LISTS ARGN)
        if(other MATCHES "^clew_" AND TARGET ${other})
            get_target_property(other_folder ${other} CLEW_FOLDER)
            if(other_folder AND DEFINED CLEW_MAY_LINK_${folder} AND NOT other_folder IN_LIST CLEW_MAY_LINK_${folder})
                message(FATAL_ERROR "${name} (${folder}/) must not link ${other} (${other_folder}/): see docs/ARCHITECTURE.md")
            endif()
        endif()
    endforeach()
    target_link_libraries(${name} PUBLIC ${ARGN})
endfunction()

# clew_library(NAME FOLDER <top-level folder> SOURCES ... [LINK ...])
function(clew_library name)
    cmake_parse_arguments(A "" "FOLDER" "SOURCES;LINK" ${ARGN})
    add_library(${name} STATIC ${A_SOURCES})
    set_target_properties(${name} PROPERTIES CLEW_FOLDER ${A_FOLDER})
    clew_link(${name} clew_options ${A_LINK})
    target_compile_options(${name} PRIVATE -march=${CLEW_MARCH})
endfunction()

# clew_program(NAME FOLDER <top-level folder> SOURCES ... [LINK ...])
function(clew_program name)
    cmake_parse_arguments(A "" "FOLDER" "SOURCES;LINK" ${ARGN})
    add_executable(${name} ${A_SOURCES})
    target_compile_definitions(${name} PRIVATE CLEW_VERSION="${PROJECT_VERSION}")
    set_target_properties(${name} PROPERTIES CLEW_FOLDER ${A_FOLDER})
    clew_link(${name} clew_options ${A_LINK})
    target_compile_options(${name} PRIVATE -march=${CLEW_MARCH})
endfunction()

# clew_test(NAME SOURCES ... [LINK ...] [LABELS ...] [TIMEOUT_S n]): one GoogleTest program, one ctest entry.
function(clew_test name)
    cmake_parse_arguments(A "" "TIMEOUT_S" "SOURCES;LINK;LABELS" ${ARGN})
    add_executable(${name} ${A_SOURCES})
    target_link_libraries(${name} PRIVATE clew_options ${A_LINK} GTest::gmock GTest::gtest GTest::gtest_main)
    target_compile_options(${name} PRIVATE -march=${CLEW_MARCH})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    if(NOT A_TIMEOUT_S)
        set(A_TIMEOUT_S 120)
    endif()
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    # What may take longest begins first (COST), beside the others.
    # A program with a skipped case is never called passed: ctest says Skipped, and why stands in its output.
    set_tests_properties(${name} PROPERTIES TIMEOUT ${A_TIMEOUT_S} COST ${A_TIMEOUT_S} LABELS "${A_LABELS}"
        SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]"
        ENVIRONMENT "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/sanitizers/lsan.supp:print_suppressions=0;\
TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/sanitizers/tsan.supp")
    # What starts programs, opens ports or needs its threads to run at once has the machine for itself.
    if(A_LABELS MATCHES "threads|store|root|live|region")
        set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
    endif()
endfunction()

# All fuzzers; `./dev fuzz` builds this.
if(CLEW_FUZZ)
    add_custom_target(fuzzers)
endif()

# clew_fuzzer(NAME SOURCES ... [LINK ...]): one libFuzzer program; only in the fuzz preset.
function(clew_fuzzer name)
    cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
    if(NOT CLEW_FUZZ)
        return()
    endif()
    add_executable(${name} ${A_SOURCES})
    target_link_libraries(${name} PRIVATE clew_options ${A_LINK})
    target_compile_options(${name} PRIVATE -march=${CLEW_MARCH})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${name})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()

# clew_benchmark(NAME SOURCES ... [LINK ...]): one Google Benchmark program, started by `./dev bench`.
function(clew_benchmark name)
    cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
    if(CLEW_SANITIZE)
        return()
    endif()
    add_executable(${name} ${A_SOURCES})
    target_link_libraries(${name} PRIVATE clew_options ${A_LINK} benchmark::benchmark)
    target_compile_options(${name} PRIVATE -march=${CLEW_MARCH})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endfunction()

# clew_benchmark_tool(NAME SOURCES ... [LINK ...]): a program that belongs to a benchmark but is none itself.
function(clew_benchmark_tool name)
    cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
    if(CLEW_SANITIZE)
        return()
    endif()
    add_executable(${name} ${A_SOURCES})
    target_link_libraries(${name} PRIVATE clew_options ${A_LINK})
    target_compile_options(${name} PRIVATE -march=${CLEW_MARCH})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench/tools)
endfunction()
