// kvfrontier table: one line a point.

#include <algorithm>
#include <iostream>

#include "analysis/columns.hpp"
#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "geometry/model.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* table_usage = "table DIR [--format csv|json|text|latex] [--metric NAME]... [--model NAME]";

int print_table(const std::vector<std::string>& arguments) {
  std::string format = "text", model_name;
  std::vector<std::string> metrics;
  po::options_description flags("flags");
  flags.add_options()("format", po::value(&format), "text (default), csv, json or latex")(
      "metric", po::value(&metrics)->composing(),
      "one more column of text and LaTeX, the mean of this metric (kvfrontier list metrics); may be repeated; csv and "
      "json hold all of them")(
      "model", po::value(&model_name),
      "also MiB of all layers and heads of a published model: var-d16, var-d20, var-d24, var-d30, var-d36-512, "
      "infinity-2b or infinity-8b");
  po::variables_map values;
  if (!parse("table", table_usage, flags, "DIR", 1, arguments, values)) return 0;
  require_choice("--format", format, {"text", "csv", "json", "latex"});
  for (const std::string& name : metrics) simulator::Metrics::find(name, "--metric");
  const geometry::Model* model = values.count("model") > 0 ? &geometry::Model::named(model_name) : nullptr;
  const std::string directory = required(values, "DIR", "table");
  const auto points = Games(directory).points;
  if (model != nullptr && std::none_of(points.begin(), points.end(), [&](const analysis::PointSummary& point) {
        return analysis::model_mib(point, *model).has_value();
      }))
    throw core::UserError("--model " + model_name + ": " + directory + " holds no measured point of schedule " +
                          model->schedule + " and d = " + std::to_string(model->d));
  if (format == "text") {
    std::cout << analysis::table_text(points, model, metrics);
  } else if (format == "csv") {
    std::cout << analysis::table_csv(points, model);
  } else if (format == "json") {
    std::cout << analysis::table_json(points, model);
  } else {
    std::cout << analysis::table_latex(points, model, metrics);
  }
  return 0;
}

}  // namespace

Verb table_verb() {
  return {"table", table_usage, "scheme, rate, bits, error with interval, floor and gap of every point", print_table};
}

}  // namespace kvfrontier::cli
