#include "analysis/columns.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace kvfrontier::analysis {
namespace {

using core::Json;

// Bits of an fp16 cache of keys and values: 2 N d 16.
double fp16_cache_bits(const PointSummary& p) {
  return 32 * p.entries();
}

template <class Value>
std::function<Json(const PointSummary&)> measured(Value value) {
  return [value](const PointSummary& p) -> Json {
    if (p.trials == 0 || !std::isfinite(static_cast<double>(value(p)))) return {};
    return value(p);
  };
}
// For points that measured bits.
template <class Value>
std::function<Json(const PointSummary&)> of_bits(Value value) {
  return [value](const PointSummary& p) -> Json { return p.trials > 0 && p.has_bits ? Json(value(p)) : Json(); };
}
std::function<Json(const PointSummary&)> parameter(const char* key) {
  return [key](const PointSummary& p) { return p.at(key); };
}

Json optional(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

std::string csv_cell(const Json& value) {
  if (value.is_null()) return {};
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
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
  for (const auto& [name, value] : p.at("scheme").at("options").items()) {
    if (name == "keys" || value.empty()) continue;  // null, [] and {} say nothing
    text += (text.empty() ? "" : " ") + name + "=" + core::brief(value);
  }
  return text;
}

std::string heading(const PointSummary& p) {
  const std::string tau = p.at("tau").is_string() ? p.at("tau").get<std::string>() : p.at("tau").dump();
  return p.at("instance").at("name").get<std::string>() + ", " + p.at("embedding").get<std::string>() + " keys, " +
         p.at("schedule").get<std::string>() + " n = " + p.at("n").dump() + " (N = " + p.at("tokens").dump() +
         "), d = " + p.at("d").dump() + ", eta = " + p.at("eta").dump() + ", tau " + tau;
}

// Where the keys are; a scheme without the option may still send them.
std::string keys_of(const PointSummary& p) {
  return p.stored_keys ? "stored" : p.at("scheme").at("options").contains("keys") ? "public" : "none";
}

struct Cell {
  std::string text;
  bool left = false;
};
using TextRow = std::vector<Cell>;

std::vector<std::string> text_titles(const geometry::Model* model) {
  std::vector<std::string> titles{"scheme",   "keys",  "rate", "bits",   "bits/Nd", "error",
                                  "interval", "floor", "gap",  "trials", "note"};
  if (model != nullptr) titles.insert(titles.begin() + 5, "MiB");
  return titles;
}

TextRow text_row(const PointSummary& p, const geometry::Model* model) {
  const bool measured = p.trials > 0, bits = measured && p.has_bits;
  std::string note = options_text(p);
  if (measured && !bits)
    note = "mse " + number(p.mse, "%.4g") + (p.mse_floor ? " (floor " + number(*p.mse_floor, "%.4g") + ")" : "") +
           "; " + note;
  if (p.uncertified > 0) note = std::to_string(p.uncertified) + " uncertified; " + note;
  if (p.failed > 0) note = std::to_string(p.failed) + " failed (" + p.reason + "); " + note;
  if (p.status == "infeasible") note = "infeasible: least rate " + number(*p.least_rate, "%.4g");
  if (p.stop == "unfinished") note = "unfinished; " + note;
  TextRow row{{p.at("scheme").at("name").get<std::string>(), true},
              {keys_of(p), true},
              {p.rate_budget ? number(*p.rate_budget, "%g") : "-"},
              {measured ? number(p.message_bits, "%.0f") : "-"},
              {measured ? number(p.message_bits / p.entries(), "%.4g") : "-"},
              {bits ? number(p.error, "%.5f") : "-"},
              {bits ? interval_text(p.interval) : "-"},
              {p.floor_bits ? number(*p.floor_bits, "%.0f") : "-"},
              {p.gap ? number(*p.gap, "%.4g") + (p.stored_keys ? "*" : "") : "-"},
              {std::to_string(p.trials)},
              {note, true}};
  if (model != nullptr) {
    const auto mib = model_mib(p, *model);
    row.insert(row.begin() + 5, {mib ? number(*mib, "%.4g") : "-"});
  }
  return row;
}

std::vector<Column> with_model(const geometry::Model* model) {
  std::vector<Column> list = columns();
  if (model != nullptr)
    list.push_back({"model_mib", "MiB of all heads of one sequence",
                    [model](const PointSummary& p) { return optional(model_mib(p, *model)); }});
  return list;
}

// What stands under a table that speaks of a model.
std::string model_note(const geometry::Model& model) {
  return "\nMiB: of " + model.name + ", " + std::to_string(model.layers) + " layers x " + std::to_string(model.heads) +
         " heads, one sequence (guidance keeps two); points of schedule " + model.schedule +
         ", d = " + std::to_string(model.d) + " only\n";
}

}  // namespace

const std::vector<Column>& columns() {
  static const std::vector<Column> list{
      {"experiment", "name of the experiment", parameter("experiment")},
      {"instance", "instance family", [](const PointSummary& p) { return p.at("instance").at("name"); }},
      {"embedding", "family of public keys", parameter("embedding")},
      {"n", "side of the last token map", parameter("n")},
      {"d", "width of keys and of values", parameter("d")},
      {"tokens", "N, cached tokens", parameter("tokens")},
      {"tau", "query scaling, mean over trials", measured([](const PointSummary& p) { return p.tau; })},
      {"eta", "multiplicative tolerance", parameter("eta")},
      {"scheme", "compression scheme", [](const PointSummary& p) { return p.at("scheme").at("name"); }},
      {"options", "resolved options of the scheme, JSON",
       [](const PointSummary& p) { return Json(p.at("scheme").at("options").dump()); }},
      {"rate_budget", "budget in bits per value entry; empty for a fixed entry",
       [](const PointSummary& p) { return optional(p.rate_budget); }},
      {"status", "ok, failed, infeasible or uncertified", [](const PointSummary& p) { return Json(p.status); }},
      {"trials", "measured trials", [](const PointSummary& p) { return Json(p.trials); }},
      {"message_bits", "length of the message that Bob reads, mean over trials",
       measured([](const PointSummary& p) { return p.message_bits; })},
      {"peak_state_bits", "largest state plus working memory after any block",
       measured([](const PointSummary& p) { return p.peak_state_bits; })},
      {"error", "bit error at threshold 1/2", of_bits([](const PointSummary& p) { return p.error; })},
      {"error_lo", "lower end of its interval", of_bits([](const PointSummary& p) { return p.interval.lo; })},
      {"error_hi", "upper end of its interval", of_bits([](const PointSummary& p) { return p.interval.hi; })},
      {"mse", "mean squared distance of the outputs to the bits",
       measured([](const PointSummary& p) { return p.mse; })},
      {"floor_bits", "least bits of any message with this error",
       [](const PointSummary& p) { return optional(p.floor_bits); }},
      {"floor_kind",
       "finite: shell filling, for messages of fixed length; entropy: m (1 - H2), against the mean length",
       [](const PointSummary& p) { return Json(p.floor_kind); }},
      {"gap", "message_bits / floor_bits; empty where the floor is 0",
       [](const PointSummary& p) { return optional(p.gap); }},
      {"keys", "stored, public or none: the floor counts values only, so a gap with stored keys is no gap of the code",
       [](const PointSummary& p) { return Json(keys_of(p)); }},
      {"schedule", "name of the schedule", parameter("schedule")},
      {"rate", "message_bits / (N d)", measured([](const PointSummary& p) { return p.message_bits / p.entries(); })},
      {"bits_per_token", "message_bits / N",
       measured([](const PointSummary& p) { return p.message_bits / p.at("tokens").get<double>(); })},
      {"mib", "message in MiB", measured([](const PointSummary& p) { return p.message_bits / 8 / 1048576; })},
      {"fp16_ratio", "message_bits / bits of an fp16 cache of keys and values",
       measured([](const PointSummary& p) { return p.message_bits / fp16_cache_bits(p); })},
      {"information_bits", "m, bits that Alice's input holds",
       [](const PointSummary& p) { return p.information_bits > 0 ? Json(p.information_bits) : Json(); }},
      {"mse_floor", "least mean squared error of any message of these bits, for families that state one",
       [](const PointSummary& p) { return optional(p.mse_floor); }},
      {"error_theorem", "bit error at the threshold (1 - eta^2)/2 of the theorem",
       of_bits([](const PointSummary& p) { return p.error_theorem; })},
      {"worst_decile", "mean error of the tenth of rows that err most",
       of_bits([](const PointSummary& p) { return p.worst_decile; })},
      {"ties", "answers within 1e-4 of 1/2, all trials", of_bits([](const PointSummary& p) { return p.ties; })},
      {"relative_l2", "output error at queried keys, |z - z*| / |z*|",
       measured([](const PointSummary& p) { return p.relative_l2; })},
      {"mixture_relative_l2", "the same at midpoints of two keys",
       measured([](const PointSummary& p) { return p.mixture_relative_l2; })},
      {"random_relative_l2", "the same in random directions",
       measured([](const PointSummary& p) { return p.random_relative_l2; })},
      {"uncertified", "trials without a certified scaling", [](const PointSummary& p) { return Json(p.uncertified); }},
      {"failed", "failed trials", [](const PointSummary& p) { return Json(p.failed); }},
      {"least_rate", "least rate of an infeasible point", [](const PointSummary& p) { return optional(p.least_rate); }},
      {"stop", "why the point stopped", [](const PointSummary& p) { return Json(p.stop); }},
      {"seconds", "time of all trials on one thread", [](const PointSummary& p) { return Json(p.seconds); }},
      {"seed", "config seed", parameter("seed")},
      {"point", "point id", [](const PointSummary& p) { return Json(p.point); }}};
  return list;
}

std::string table_csv(const std::vector<PointSummary>& points, const geometry::Model* model) {
  const auto list = with_model(model);
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
  const auto shown = with_model(model);
  Json list = Json::array();
  for (const PointSummary& point : points) {
    Json row;
    for (const Column& column : shown) row[column.name] = column.value(point);
    row["options"] = point.at("scheme").at("options");
    list.push_back(std::move(row));
  }
  return list.dump(1) + "\n";
}

std::optional<double> model_mib(const PointSummary& point, const geometry::Model& model) {
  const bool shaped = point.at("schedule") == model.schedule && point.at("d") == model.d;
  if (!shaped || point.trials == 0) return std::nullopt;
  return model.mib(point.message_bits);
}

std::string table_text(const std::vector<PointSummary>& points, const geometry::Model* model) {
  const auto names = text_titles(model);
  std::vector<TextRow> rows;
  for (const PointSummary& point : points) rows.push_back(text_row(point, model));
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
      text += (last.empty() ? "" : "\n") + now + "\n" + line(titles);
      last = now;
    }
    text += line(rows[i]);
    uncertified += points[i].uncertified;
    stored = stored || points[i].stored_keys;
  }
  if (stored) text += "\n* the message pays for stored keys; the floor counts values only\n";
  if (model != nullptr) text += model_note(*model);
  if (uncertified > 0)
    text.append("\n")
        .append(std::to_string(uncertified))
        .append(" trials have no certified scaling and are not in the errors\n");
  return text;
}

std::string table_latex(const std::vector<PointSummary>& points, const geometry::Model* model) {
  const std::string columns = model != nullptr ? "9" : "8";
  std::string text = std::string("\\begin{tabular}{llrrr").append(model != nullptr ? "r" : "") +
                     "rrr}\n\\toprule\nscheme & keys & rate & bits & bits/$Nd$ & " +
                     (model != nullptr ? "MiB & " : "") + "error [interval] & floor & gap \\\\\n";
  std::string last;
  for (const PointSummary& point : points) {
    if (const std::string now = heading(point); now != last) {
      text += "\\midrule\n\\multicolumn{" + columns + "}{l}{" + now + "} \\\\\n";
      last = now;
    }
    const TextRow row = text_row(point, nullptr);
    const auto mib = model != nullptr ? model_mib(point, *model) : std::nullopt;
    const std::string error = point.trials > 0 ? row[5].text + " " + row[6].text : "-";
    text += row[0].text + " & " + row[1].text + " & " + row[2].text + " & " + row[3].text + " & " + row[4].text +
            (model != nullptr ? " & " + (mib ? number(*mib, "%.4g") : "-") : "") + " & " + error + " & " + row[7].text +
            " & " + row[8].text + " \\\\\n";
  }
  text += "\\bottomrule\n\\end{tabular}\n";
  std::string escaped;
  for (const char c : text) escaped += c == '_' ? "\\_" : std::string(1, c);
  return escaped;
}

}  // namespace kvfrontier::analysis
