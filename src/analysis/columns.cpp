#include "analysis/columns.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string_view>
#include <utility>

#include "core/text.hpp"

namespace kvfrontier::analysis {
namespace {

using core::Json;
using simulator::GamePoint;
namespace names = simulator::metric_names;

const std::string keys_option = "keys", options_column = "options";
const std::string failure_reason = core::member_name(&simulator::GameRecord::reason);

using Value = std::function<Json(const PointSummary&)>;

// Bits of an fp16 cache of keys and values: 2 N d 16.
double fp16_cache_bits(const PointSummary& p) {
  return 32 * p.entries();
}

Json optional(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}
Json finite(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

Json as_stored(double value, bool whole) {
  return whole ? Json(std::llround(value)) : finite(value);
}

// Of measured points.
Value measured(std::function<double(const PointSummary&)> value) {
  return [value = std::move(value)](const PointSummary& p) { return p.is_measured() ? finite(value(p)) : Json(); };
}
// A parameter of the point, or a member of its records, as their lists describe them.
template <class V>
Column parameter(V GamePoint::*place, const std::string& name = {}) {
  const auto& member = core::members_of<GamePoint>().at(place);
  return {name.empty() ? member.option().name : name, member.option().meaning,
          [&member](const PointSummary& p) { return member.get(p.parameters); }, false};
}
std::string meaning_of(const core::Option& option) {
  const char* how = option.aggregate == core::Aggregate::mean      ? ", mean over trials"
                    : option.aggregate == core::Aggregate::largest ? ", largest over trials"
                    : option.aggregate == core::Aggregate::sum     ? ", sum over trials"
                                                                   : "";
  return option.meaning + how + (option.unit.empty() ? "" : " (" + option.unit + ")");
}
Column recorded(const core::Member<simulator::GameRecord>& member) {
  const core::Option& option = member.option();
  const std::string name = option.name;
  if (option.aggregate == core::Aggregate::none)
    return {name, meaning_of(option), [&member](const PointSummary& p) {
              const Json value = member.exists(p.record) ? member.get(p.record) : Json();
              return core::is_absent(value) ? Json() : value;
            }};
  // Sums and maxima of whole numbers are whole numbers.
  const bool whole = option.type == core::Option::Type::integer && option.aggregate != core::Aggregate::mean;
  return {name, meaning_of(option), [name, whole](const PointSummary& p) {
            const auto found = p.aggregates.find(name);
            return found == p.aggregates.end() ? Json() : as_stored(found->second, whole);
          }};
}
template <class V>
Column recorded(V simulator::GameRecord::*place) {
  return recorded(core::members_of<simulator::GameRecord>().at(place));
}
// The mean of a metric, an end of its interval, a floor.
Value of_metric(const std::string& name, std::function<Json(const MetricSummary&)> value) {
  return [name, value = std::move(value)](const PointSummary& p) {
    const MetricSummary* metric = p.metric(name);
    return metric ? value(*metric) : Json();
  };
}
Column mean_column(const std::string& name) {
  const auto& metric = simulator::Metrics::find(name, "metric");
  return {name, metric.meaning() + (metric.unit().empty() ? "" : " (" + metric.unit() + ")"),
          of_metric(name, [](const MetricSummary& m) { return finite(m.mean); })};
}
Column lo_column(const std::string& name) {
  return {name + "_lo", "lower end of its interval",
          of_metric(name, [](const MetricSummary& m) { return finite(m.interval.lo); })};
}
Column hi_column(const std::string& name) {
  return {name + "_hi", "upper end of its interval",
          of_metric(name, [](const MetricSummary& m) { return finite(m.interval.hi); })};
}

std::string csv_cell(const Json& value) {
  if (value.is_null()) return {};
  const std::string text = core::printable(value.is_string() ? value.get<std::string>() : value.dump());
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

// Text of a record in LaTeX: what TeX would read as a command is written in its own way.
std::string in_latex(const std::string& text) {
  std::string escaped;
  for (const char c : core::printable(text)) {
    if (std::string_view("&%$#_{}").find(c) != std::string_view::npos) {
      escaped += std::string("\\") + c;
    } else if (c == '\\') {
      escaped += "\\textbackslash{}";
    } else if (c == '~') {
      escaped += "\\textasciitilde{}";
    } else if (c == '^') {
      escaped += "\\textasciicircum{}";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string number(double value, const char* format) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string interval_text(const core::Interval& interval) {
  char text[64];
  std::snprintf(text, sizeof(text), "[%.5f, %.5f]", interval.lo, interval.hi);
  return text;
}

// The options that tell this entry from others: all but where the keys are.
std::string options_text(const PointSummary& p) {
  std::string text;
  const Json options = p.parameters.scheme.options.to_json();
  for (const auto& [name, value] : options.items()) {
    if (name == keys_option || core::is_absent(value)) continue;
    text += (text.empty() ? "" : " ") + name + "=" + core::brief(value);
  }
  return text;
}

std::string heading(const PointSummary& p) {
  const GamePoint& game = p.parameters;
  const Json tau = game.tau.to_json();
  return game.instance.name + ", " + game.embedding + " keys, " + game.schedule + " n = " + std::to_string(game.n) +
         " (N = " + std::to_string(game.tokens) + "), d = " + std::to_string(game.d) +
         ", eta = " + Json(game.eta).dump() + ", tau " + (tau.is_string() ? tau.get<std::string>() : tau.dump());
}

// Where the keys are; a scheme without the option may still send them.
std::string keys_of(const PointSummary& p) {
  if (p.record.label.empty()) return p.parameters.scheme.options.to_json().value(keys_option, "none");
  if (p.record.stored_keys) return "stored";
  return p.parameters.scheme.options.to_json().contains(keys_option) ? "public" : "none";
}

struct TextCell {
  std::string text;
  bool left = false;
};
using TextRow = std::vector<TextCell>;

constexpr int first_metric = 9;  // before "trials"

std::vector<std::string> text_titles(const geometry::Model* model, const std::vector<std::string>& metrics) {
  std::vector<std::string> titles{"scheme",   "keys",  "rate", "bits",   "bits/Nd", "error",
                                  "interval", "floor", "gap",  "trials", "note"};
  titles.insert(titles.begin() + first_metric, metrics.begin(), metrics.end());
  if (model != nullptr) titles.insert(titles.begin() + 5, "MiB");
  return titles;
}

TextRow text_row(const PointSummary& p, const geometry::Model* model, const std::vector<std::string>& metrics) {
  const bool measured = p.is_measured(), bits = p.has_error();
  const MetricSummary* mse = p.metric(names::mse);
  std::string note = options_text(p);
  if (mse != nullptr && !bits)
    note = "mse " + number(mse->mean, "%.4g") + (mse->floor ? " (floor " + number(*mse->floor, "%.4g") + ")" : "") +
           "; " + note;
  if (p.uncertified > 0) note = std::to_string(p.uncertified) + " uncertified; " + note;
  if (p.failed > 0) note = std::to_string(p.failed) + " failed (" + p.reason + "); " + note;
  if (p.status == simulator::Status::infeasible)
    note = "infeasible: least rate " + number(p.record.least_rate.value_or(0), "%.4g");
  if (p.stop == "unfinished") note = "unfinished; " + note;
  const MetricSummary none, *error = bits ? &p.error() : &none;
  TextRow row{{p.parameters.scheme.name, true},
              {keys_of(p), true},
              {p.parameters.rate ? number(*p.parameters.rate, "%g") : "-"},
              {measured ? number(p.message_bits(), "%.0f") : "-"},
              {measured ? number(p.message_bits() / p.entries(), "%.4g") : "-"},
              {bits ? number(p.error().mean, "%.5f") : "-"},
              {bits ? interval_text(p.error().interval) : "-"},
              {error->floor_bits ? number(*error->floor_bits, "%.0f") : "-"},
              {error->gap ? number(*error->gap, "%.4g") + (p.record.stored_keys ? "*" : "") : "-"},
              {std::to_string(p.trials)},
              {note, true}};
  std::vector<TextCell> means;
  for (const std::string& name : metrics) {
    const MetricSummary* metric = p.metric(name);
    means.push_back({metric != nullptr && std::isfinite(metric->mean) ? number(metric->mean, "%.5g") : "-"});
  }
  row.insert(row.begin() + first_metric, means.begin(), means.end());
  if (model != nullptr) {
    const auto mib = model_mib(p, *model);
    row.insert(row.begin() + 5, {mib ? number(*mib, "%.4g") : "-"});
  }
  return row;
}

// Every leaf of the parameters that some point has: "param.instance.options.clusters".
void collect_leaves(const Json& json, const std::string& path, std::map<std::string, Json>& leaves) {
  if (!json.is_object()) {
    leaves[path] = json.is_structured() ? Json(json.dump()) : json;
    return;
  }
  for (const auto& [name, value] : json.items()) collect_leaves(value, core::join_path(path, name), leaves);
}
std::map<std::string, Json> leaves_of(const PointSummary& point) {
  Json parameters = core::to_json(point.parameters);
  parameters.update(core::to_json(point.identity));
  std::map<std::string, Json> leaves;
  collect_leaves(parameters, "param", leaves);
  return leaves;
}

// What stays out of the list of a record's members: it has columns of its own above, or is no single value.
bool has_column(const std::vector<Column>& list, const std::string& name) {
  return std::any_of(list.begin(), list.end(), [&](const Column& column) { return column.name == name; });
}

// The note under a table that speaks of a model.
std::string model_note(const geometry::Model& model) {
  return "\nMiB: of " + model.name + ", " + std::to_string(model.layers) + " layers x " + std::to_string(model.heads) +
         " heads, one sequence (guidance keeps two); points of schedule " + model.schedule +
         ", d = " + std::to_string(model.d) + " only\n";
}

}  // namespace

const std::vector<Column>& columns() {
  using simulator::GameRecord;
  static const std::vector<Column> list = [] {
    const auto floor_bits = of_metric(names::error, [](const MetricSummary& m) { return optional(m.floor_bits); });
    const auto gap = of_metric(names::error, [](const MetricSummary& m) { return optional(m.gap); });
    std::vector<Column> all{
        {"experiment", "name of the experiment", [](const PointSummary& p) { return Json(p.identity.experiment); },
         false},
        {"instance", "instance family", [](const PointSummary& p) { return Json(p.parameters.instance.name); }, false},
        parameter(&GamePoint::embedding),
        parameter(&GamePoint::n),
        parameter(&GamePoint::d),
        parameter(&GamePoint::tokens),
        recorded(&GameRecord::tau),
        parameter(&GamePoint::eta),
        {"scheme", "compression scheme", [](const PointSummary& p) { return Json(p.parameters.scheme.name); }, false},
        {options_column, "resolved options of the scheme, JSON",
         [](const PointSummary& p) { return Json(p.parameters.scheme.options.to_json().dump()); }, false},
        parameter(&GamePoint::rate, "rate_budget"),
        {"status", "ok, failed, infeasible or uncertified",
         [](const PointSummary& p) { return Json(core::enum_name(p.status)); }},
        {"trials", "measured trials", [](const PointSummary& p) { return Json(p.trials); }},
        recorded(&GameRecord::message_bits),
        recorded(&GameRecord::peak_state_bits),
        mean_column(names::error),
        lo_column(names::error),
        hi_column(names::error),
        mean_column(names::mse),
        {"floor_bits", "least bits of any message with this error", floor_bits},
        recorded(&GameRecord::floor_kind),
        {"gap", "message_bits / floor_bits; empty where the floor is 0", gap},
        {"keys",
         "stored, public or none; the floor counts values only, so for messages that carry keys the gap does not "
         "measure the coding loss",
         [](const PointSummary& p) { return Json(keys_of(p)); }, false},
        parameter(&GamePoint::schedule),
        {"rate", "message_bits / (N d)",
         measured([](const PointSummary& p) { return p.message_bits() / p.entries(); })},
        {"bits_per_token", "message_bits / N",
         measured([](const PointSummary& p) { return p.message_bits() / p.parameters.tokens; })},
        {"mib", "message in MiB", measured([](const PointSummary& p) { return p.message_bits() / 8 / 1048576; })},
        {"fp16_ratio", "message_bits / bits of an fp16 cache of keys and values",
         measured([](const PointSummary& p) { return p.message_bits() / fp16_cache_bits(p); })},
        {"information_bits", "m, bits that Alice's input holds",
         [](const PointSummary& p) {
           return p.record.information_bits > 0 ? Json(p.record.information_bits) : Json();
         }},
        {"mse_floor", "least mean squared error of any message of these bits, for families that state one",
         of_metric(names::mse, [](const MetricSummary& m) { return optional(m.floor); })},
        {"uncertified", "trials without a certified scaling",
         [](const PointSummary& p) { return Json(p.uncertified); }},
        {"failed", "failed trials", [](const PointSummary& p) { return Json(p.failed); }},
        {"stop", "why the point stopped", [](const PointSummary& p) { return Json(p.stop); }},
        {"seconds", "time of all trials on one thread", [](const PointSummary& p) { return Json(p.seconds); }},
        {"seed", "config seed", [](const PointSummary& p) { return Json(p.identity.seed); }, false},
        {"point", "point id", [](const PointSummary& p) { return Json(p.point); }, false}};
    // Whatever else a record holds as one value, and every other metric with its interval.
    for (const auto& member : core::members_of<GameRecord>().list()) {
      const core::Option& option = member.option();
      if (option.type != core::Option::Type::structured && option.name != failure_reason &&
          !has_column(all, option.name))
        all.push_back(recorded(member));
    }
    for (const std::string& name : simulator::Metrics::names()) {
      for (const auto& make : {mean_column, lo_column, hi_column}) {
        if (Column column = make(name); !has_column(all, column.name)) all.push_back(std::move(column));
      }
    }
    return all;
  }();
  return list;
}

std::vector<Column> all_columns(const std::vector<PointSummary>& points, const geometry::Model* model) {
  std::vector<Column> list = columns();
  if (model != nullptr)
    list.push_back({"model_mib", "MiB of all heads of one sequence",
                    [model](const PointSummary& p) { return optional(model_mib(p, *model)); }});
  std::map<std::string, std::map<std::string, Json>> values;  // by leaf and point
  for (const PointSummary& point : points) {
    for (auto& [path, value] : leaves_of(point)) values[path].emplace(point.point, value);
  }
  for (auto& [path, of_points] : values)
    list.push_back({path, "parameter of the point",
                    [of_points = std::move(of_points)](const PointSummary& p) {
                      const auto found = of_points.find(p.point);
                      return found == of_points.end() ? Json() : found->second;
                    },
                    false});
  return list;
}

std::string table_csv(const std::vector<PointSummary>& points, const geometry::Model* model) {
  const auto list = all_columns(points, model);
  std::string text;
  for (const Column& column : list) text += (text.empty() ? "" : ",") + column.name;
  text += '\n';
  for (const PointSummary& point : points) {
    bool first = true;
    for (const Column& column : list) {
      if (!first) text += ',';
      first = false;
      text += csv_cell(column.value(point));
    }
    text += '\n';
  }
  return text;
}

std::string table_json(const std::vector<PointSummary>& points, const geometry::Model* model) {
  const auto shown = all_columns(points, model);
  Json list = Json::array();
  for (const PointSummary& point : points) {
    Json row;
    for (const Column& column : shown) row[column.name] = column.value(point);
    row[options_column] = point.parameters.scheme.options.to_json();  // an object, not its text
    list.push_back(std::move(row));
  }
  return list.dump(1) + "\n";
}

std::optional<double> model_mib(const PointSummary& point, const geometry::Model& model) {
  const bool shaped = point.parameters.schedule == model.schedule && point.parameters.d == model.d;
  if (!shaped || !point.is_measured()) return std::nullopt;
  return model.mib(point.message_bits());
}

std::string table_text(const std::vector<PointSummary>& points, const geometry::Model* model,
                       const std::vector<std::string>& metrics) {
  const auto names = text_titles(model, metrics);
  std::vector<TextRow> rows;
  for (const PointSummary& point : points) {
    rows.push_back(text_row(point, model, metrics));
    for (TextCell& cell : rows.back()) cell.text = core::printable(cell.text);
  }
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < names.size(); ++c) {
    std::size_t width = names[c].size();
    for (const TextRow& row : rows) width = std::max(width, row[c].text.size());
    widths.push_back(width);
  }
  const auto line = [&](const TextRow& row) {
    std::string text;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - row[c].text.size(), ' ');
      text += (c ? "  " : "") + (row[c].left ? row[c].text + padding : padding + row[c].text);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
  };
  TextRow titles;
  for (std::size_t c = 0; c < names.size(); ++c) titles.push_back({names[c], c < 2 || c + 1 == names.size()});
  std::string text, last;
  std::int64_t uncertified = 0;
  bool stored = false;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (const std::string now = heading(points[i]); now != last) {
      text += (last.empty() ? "" : "\n") + core::printable(now) + "\n" + line(titles);
      last = now;
    }
    text += line(rows[i]);
    uncertified += points[i].uncertified;
    stored = stored || points[i].record.stored_keys;
  }
  if (stored) text += "\n* the message pays for stored keys; the floor counts values only\n";
  if (model != nullptr) text += model_note(*model);
  if (uncertified > 0)
    text.append("\n")
        .append(std::to_string(uncertified))
        .append(" trials have no certified scaling and are not in the errors\n");
  return text;
}

std::string table_latex(const std::vector<PointSummary>& points, const geometry::Model* model,
                        const std::vector<std::string>& metrics) {
  std::string letters = "llrrr", more;
  if (model != nullptr) letters += 'r';
  letters += "rrr";
  for (const std::string& name : metrics) {
    letters += 'r';
    more += " & " + in_latex(name);
  }
  std::string text = "\\begin{tabular}{" + letters + "}\n\\toprule\nscheme & keys & rate & bits & bits/$Nd$ & " +
                     (model != nullptr ? "MiB & " : "") + "error [interval] & floor & gap" + more + " \\\\\n";
  std::string last;
  for (const PointSummary& point : points) {
    if (const std::string now = heading(point); now != last) {
      text += "\\midrule\n\\multicolumn{" + std::to_string(letters.size()) + "}{l}{" + in_latex(now) + "} \\\\\n";
      last = now;
    }
    // Error and interval share a cell; the number of trials and the note are left out.
    const TextRow row = text_row(point, model, metrics);
    const int error = model != nullptr ? 6 : 5;
    std::string line;
    for (int c = 0; c < std::ssize(row) - 2; ++c) {
      if (c == error + 1) {
        if (point.is_measured()) line += " " + row[c].text;
      } else {
        line += (c > 0 ? " & " : "") + in_latex(row[c].text);
      }
    }
    text += line + " \\\\\n";
  }
  text += "\\bottomrule\n\\end{tabular}\n";
  return text;
}

}  // namespace kvfrontier::analysis
