# berth_sanitize: BERTH_SANITIZE is a comma list for -fsanitize, e.g. "address,undefined".
set(BERTH_SANITIZE "" CACHE STRING "sanitizers, as -fsanitize takes them")
add_library(berth_sanitize INTERFACE)
if(BERTH_SANITIZE)
  target_compile_options(berth_sanitize INTERFACE
    -fsanitize=${BERTH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(berth_sanitize INTERFACE -fsanitize=${BERTH_SANITIZE})
endif()
