#pragma once
// The columns of a table of game points: one list, derived from the member lists of points and records and from the
// registered metrics, serves csv, JSON, the report and the docs. Text and LaTeX are a selection for reading.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analysis/summary.hpp"
#include "geometry/model.hpp"

namespace kvfrontier::analysis {

struct Column {
  std::string name;
  std::string meaning;                                   // with its unit
  std::function<core::Json(const PointSummary&)> value;  // null where there is none
  bool measured = true;                                  // false: a parameter of the point
};

// The contracted columns in their order, then the free ones: every other value of a record, every other metric.
const std::vector<Column>& columns();
// These, MiB of a model where one is named, and last the parameters of the points as param.PATH.
std::vector<Column> all_columns(const std::vector<PointSummary>& points, const geometry::Model* model = nullptr);

// With a model, every table has one column more: MiB of all its heads, for points of its schedule and d; empty for
// others.
std::string table_csv(const std::vector<PointSummary>& points, const geometry::Model* model = nullptr);
std::string table_json(const std::vector<PointSummary>& points, const geometry::Model* model = nullptr);
// For reading: a heading per instance, embedding, n and d; scheme, budgeted rate, bits, error with interval, floor, gap,
// and the mean of each of `metrics`, which are names of registered ones.
std::string table_text(const std::vector<PointSummary>& points, const geometry::Model* model = nullptr,
                       const std::vector<std::string>& metrics = {});
// The same as booktabs rows, without trials and note.
std::string table_latex(const std::vector<PointSummary>& points, const geometry::Model* model = nullptr,
                        const std::vector<std::string>& metrics = {});

// MiB of a point's messages in all heads of a model; nullopt where the point is not measured or not the model's shape.
std::optional<double> model_mib(const PointSummary& point, const geometry::Model& model);

}  // namespace kvfrontier::analysis
