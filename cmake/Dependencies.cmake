# The Debian packages that provide these are listed in packages.txt; BetimesConfig.cmake.in finds the
# same for those who link the installed library.
list(PREPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE) # headers only
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(turbojpeg REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
find_package(OneDnn REQUIRED)
find_package(OnnxProto REQUIRED)
set(DNNL_LIBRARY OneDnn::dnnl) # the older name
