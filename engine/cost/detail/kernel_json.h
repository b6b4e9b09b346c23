#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "betimes/cost/kernel_time.h"

namespace betimes::cost::detail {

/// What format_kernels and parse_kernels turn into text and back.
nlohmann::ordered_json kernels_json(const std::vector<KernelTime>& kernels);
/// From what was parsed without keeping the order of keys, which takes linear time.
std::vector<KernelTime> kernels_of(const nlohmann::json& json, const std::string& where);

}  // namespace betimes::cost::detail
