# Writes build_info.hpp: the commit (and whether the tree differs from it), compiler, flags and kernel of this build.
execute_process(COMMAND git rev-parse HEAD WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE COMMIT
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE FAILED)
set(DIRTY false)
if(FAILED)
  set(COMMIT "unknown")
else()
  execute_process(COMMAND git status --porcelain --untracked-files=no WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE CHANGES ERROR_QUIET)
  if(CHANGES)
    set(DIRTY true)
  endif()
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
