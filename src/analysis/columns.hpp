#pragma once
// The columns of a table of game points: one list serves every format and the docs.

#include <functional>
#include <string>
#include <vector>

#include "analysis/summary.hpp"

namespace kvfrontier::analysis {

struct Column {
  std::string name;
  std::string meaning;                                   // with its unit
  std::function<core::Json(const PointSummary&)> value;  // null where there is none
};

// The contracted columns in their order, then the free ones.
const std::vector<Column>& columns();

std::string table_csv(const std::vector<PointSummary>& points);
std::string table_json(const std::vector<PointSummary>& points);
// For reading: a heading per instance, embedding, n and d; scheme, rate, bits, error with interval, floor, gap.
std::string table_text(const std::vector<PointSummary>& points);
// The same as booktabs rows.
std::string table_latex(const std::vector<PointSummary>& points);

}  // namespace kvfrontier::analysis
