# cmake --install: the program, the library with its headers, and what find_package(Betimes) reads.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Betimes)
install(TARGETS betimes_engine EXPORT BetimesTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS betimes RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY engine/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/betimes
  FILES_MATCHING PATTERN "*.h" PATTERN detail EXCLUDE PATTERN testing EXCLUDE PATTERN learn EXCLUDE PATTERN mpi EXCLUDE)
install(EXPORT BetimesTargets NAMESPACE Betimes:: DESTINATION ${package_dir})
configure_package_config_file(cmake/BetimesConfig.cmake.in
  ${CMAKE_BINARY_DIR}/BetimesConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/BetimesConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/BetimesConfig.cmake ${CMAKE_BINARY_DIR}/BetimesConfigVersion.cmake
  cmake/FindOneDnn.cmake cmake/FindOnnxProto.cmake DESTINATION ${package_dir})
