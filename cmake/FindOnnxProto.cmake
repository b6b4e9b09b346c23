# OnnxProto::onnx_proto, the protobuf messages of the ONNX format, compiled. The definitions are those
# that Debian's library was built with; without them the header declares other types.
# Installed beside BetimesConfig.cmake too.
find_path(OnnxProto_INCLUDE_DIR onnx/onnx_pb.h)
find_library(OnnxProto_LIBRARY onnx_proto)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OnnxProto REQUIRED_VARS OnnxProto_LIBRARY OnnxProto_INCLUDE_DIR)
if(OnnxProto_FOUND AND NOT TARGET OnnxProto::onnx_proto)
  add_library(OnnxProto::onnx_proto UNKNOWN IMPORTED)
  set_target_properties(OnnxProto::onnx_proto PROPERTIES
    IMPORTED_LOCATION "${OnnxProto_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${OnnxProto_INCLUDE_DIR}"
    INTERFACE_COMPILE_DEFINITIONS "ONNX_ML=1;ONNX_NAMESPACE=onnx")
endif()
