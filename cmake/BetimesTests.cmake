# Unit tests lie beside what they test, as <name>_test.cc; each engine folder's tests make one
# program, and every case in it is one ctest test.
find_package(GTest REQUIRED)
include(GoogleTest)

# betimes_tests(<name> <sources> <library>...)
function(betimes_tests name sources)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARGN} betimes_flags GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE BETIMES_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  # A test runs its own code once; at -O3, optimizing it is more than half of building the tests.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-Og>)
  gtest_discover_tests(${name} TEST_PREFIX ${name}. NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 600)
endfunction()

function(betimes_folder_tests name folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*_test.cc)
  if(sources)
    betimes_tests(${name} "${sources}" ${ARGN})
  endif()
endfunction()
