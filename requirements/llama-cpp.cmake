# Read by CMake right after llama.cpp's own project() call; requirements/README.md says why.

# llama-cpp-python forces this library on and never loads it: 40 % of the build time.
set(LLAMA_BUILD_COMMON OFF)

# GCC before 13 drops stores to the AMX tile configuration, and the first matrix product then ends the
# process with SIGSEGV (seen with GCC 12.2 on a Xeon with AMX). AVX-512 VNNI stays on.
include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-mno-amx-tile PAPERBOY_KNOWS_AMX)
if(PAPERBOY_KNOWS_AMX)
  add_compile_options(-mno-amx-tile -mno-amx-int8 -mno-amx-bf16)
endif()
