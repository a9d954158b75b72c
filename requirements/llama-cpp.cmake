# Read by CMake right after llama.cpp's own project() call; requirements/README.md says why.

# llama-cpp-python forces this library on and never loads it: 40 % of the build time.
set(LLAMA_BUILD_COMMON OFF)

# GCC before 13 takes the stores to the AMX tile configuration for dead, and the first matrix product then ends the
# process with SIGSEGV (seen with GCC 12.2 on a Xeon with AMX). So the one file with tiles is compiled without the
# passes that remove dead stores; its target exists only when this directory has been read to its end.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  cmake_language(DEFER CALL set_source_files_properties
    ${CMAKE_CURRENT_SOURCE_DIR}/ggml/src/ggml-cpu/amx/mmq.cpp
    TARGET_DIRECTORY ggml-cpu
    PROPERTIES COMPILE_OPTIONS "-fno-tree-dse;-fno-dse"
  )
endif()

# What it needs and old Vulkan headers lack, before these.
if(GGML_VULKAN)
  include_directories(BEFORE ${CMAKE_CURRENT_LIST_DIR}/headers)
endif()
