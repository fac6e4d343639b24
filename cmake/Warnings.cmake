# berth_warnings: what our own code is compiled with. Third-party headers are SYSTEM includes.
option(BERTH_WERROR "warnings are errors" ON)
add_library(berth_warnings INTERFACE)
if(BERTH_WERROR)
  target_compile_options(berth_warnings INTERFACE -Werror)
endif()
target_compile_options(berth_warnings INTERFACE
  -Wall -Wextra
  -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wvla -Wformat=2 -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings
  -Wnull-dereference -Wimplicit-fallthrough -Wswitch-enum -Wconversion -Wno-sign-conversion)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(berth_warnings INTERFACE -Wlogical-op -Wduplicated-cond -Wduplicated-branches)
  # The static analysis behind these two needs optimisation and is unreliable under the sanitizers.
  if(BERTH_SANITIZE)
    target_compile_options(berth_warnings INTERFACE -Wno-null-dereference -Wno-maybe-uninitialized)
  endif()
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  # must(!"words") is how a place that is never reached is marked.
  target_compile_options(berth_warnings INTERFACE -Wno-string-conversion)
endif()
