#pragma once

#include <cstdint>
#include <span>

namespace betimes::judge {

/// The period of a series, in points, by the rule of PATE's and TSB-UAD's public code: of lags from
/// 3 to 400, the local maximum of the autocorrelation of the first 20,000 values that is highest.
/// 100 where there is none from 6 to 303, or the series is constant.
int64_t rhythm(std::span<const double> values);

}  // namespace betimes::judge
