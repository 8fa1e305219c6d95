# find_package(elbow CONFIG REQUIRED), with elbow_DIR the folder that `cargo xtask c` names: this file is copied to it.
if(NOT TARGET elbow::elbow)
  add_library(elbow::elbow STATIC IMPORTED)
  set_target_properties(elbow::elbow PROPERTIES
    IMPORTED_LOCATION "${CMAKE_CURRENT_LIST_DIR}/libelbow.a"
    INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}")
  # The archive for a workstation needs what Rust's standard library does; one for a device needs nothing.
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    set_target_properties(elbow::elbow PROPERTIES INTERFACE_LINK_LIBRARIES "pthread;dl;m;gcc_s")
  endif()
endif()
