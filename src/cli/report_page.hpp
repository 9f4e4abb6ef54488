#pragma once
// The explorer page, bundled from src/report when the program is built.

#include <string_view>

namespace kvfrontier::cli {

// The whole page, with `report_data_mark` where its data belong; or, when it could not be bundled, one sentence that
// says why (it does not begin with "<").
std::string_view report_page();

inline constexpr std::string_view report_data_mark = "@kvfrontier-data@";

}  // namespace kvfrontier::cli
