// kvfrontier report: one page that shows stores to a reader: every point, the floors, the claims, who measured.
//
// The page and its sources are in src/report; here its data are gathered. They are the numbers of `table`, `floor` and
// `verify --json`, so that the page has nothing to estimate.

#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "analysis/columns.hpp"
#include "analysis/frontier.hpp"
#include "build_info.hpp"
#include "cli/arguments.hpp"
#include "cli/report_page.hpp"
#include "cli/verb_list.hpp"
#include "cli/verdicts.hpp"
#include "core/errors.hpp"
#include "core/files.hpp"
#include "sweep/store_files.hpp"
#include "theory/entropy.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::cli {
namespace {

using analysis::PointSummary;
using core::Json;

constexpr const char* report_usage = "report DIR... [--out FILE]";

std::string plural(std::int64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

// The union of directories of records, each with those in it.
struct Sources {
  sweep::Store store;
  std::map<std::string, std::string> directory_of;  // of a point: where it was first met, for `replay`
  std::vector<std::string> directories;             // those that hold records
};

Sources read_sources(const std::vector<std::string>& directories) {
  Sources sources;
  for (const auto& directory : directories) {
    const std::size_t before = sources.directories.size();
    for (const auto& part : directories_of_records(directory)) {
      const std::size_t records = sources.store.record_count();
      sweep::read_into(sources.store, part, warn);
      for (const auto& [id, trials] : sources.store.points) sources.directory_of.emplace(id, part);
      if (sources.store.record_count() > records) sources.directories.push_back(part);
    }
    if (sources.directories.size() == before && directories.size() > 1) warn(directory + ": no records that are new");
  }
  if (sources.store.points.empty())
    throw core::UserError(directories.front() + ": no records here; kvfrontier run CONFIG --out " +
                          directories.front() + " would write them to records.jsonl");
  return sources;
}

// One value a point. Columns of few values, names above all, are sent as a list of these and the places in it.
Json packed(const std::vector<Json>& values) {
  std::map<std::string, std::size_t> place;
  Json distinct = Json::array(), at = Json::array();
  for (const Json& value : values) {
    const auto [entry, fresh] = place.emplace(value.dump(), distinct.size());
    if (fresh) distinct.push_back(value);
    at.push_back(entry->second);
    if (distinct.size() > 16 && distinct.size() * 4 > values.size()) return {{"each", values}};
  }
  return {{"of", std::move(distinct)}, {"at", std::move(at)}};
}

Json text_if_structured(const Json& value) {
  return value.is_structured() ? Json(value.dump()) : value;
}

// Parameters that no column of the table shows: each becomes a column of the page.
std::map<std::string, Json> other_parameters(const PointSummary& point) {
  using simulator::GamePoint;
  const GamePoint& game = point.parameters;
  Json all = core::to_json(game);
  all.update(core::to_json(point.identity));
  for (const std::string& shown : {core::member_name(&GamePoint::scheme), core::member_name(&GamePoint::instance),
                                   core::member_name(&GamePoint::tau), core::member_name(&GamePoint::rate)})
    all.erase(shown);
  std::map<std::string, Json> rest{{"scheme_version", game.scheme.version},
                                   {"tau_rule", text_if_structured(game.tau.to_json())}};
  if (const Json options = game.instance.options.to_json(); !options.empty())
    rest.emplace("instance_options", options.dump());
  for (const auto& [name, value] : all.items()) rest.emplace(name, text_if_structured(value));
  for (const auto& column : analysis::columns()) rest.erase(column.name);
  return rest;
}

// Every column of the table, those of the other parameters, and three that only the page shows.
Json points_json(const std::vector<PointSummary>& points, const Sources& sources) {
  Json columns = Json::array();
  const auto add = [&](const std::string& name, const std::string& meaning, bool measured, std::vector<Json> values) {
    Json column = packed(values);
    column.update({{"name", name}, {"meaning", meaning}, {"measured", measured}});
    columns.push_back(std::move(column));
  };
  for (const auto& column : analysis::columns()) {
    std::vector<Json> values;
    for (const auto& point : points) values.push_back(column.value(point));
    add(column.name, column.meaning, column.measured, std::move(values));
  }
  std::vector<std::map<std::string, Json>> others;
  std::set<std::string> names;
  std::vector<Json> curves, levels, sources_of;
  for (const auto& point : points) {
    others.push_back(other_parameters(point));
    for (const auto& [name, value] : others.back()) names.insert(name);
    curves.emplace_back(analysis::curve_of(point));
    levels.emplace_back(point.level);
    sources_of.emplace_back(sources.directory_of.at(point.point));
  }
  add("curve", "scheme and the options that are not sizes", false, std::move(curves));
  add("level", "confidence of the interval at the look at which the point stopped", true, std::move(levels));
  add("directory", "where the records are", false, std::move(sources_of));
  for (const auto& name : names) {
    std::vector<Json> values;
    for (const auto& other : others) {
      const auto found = other.find(name);
      values.push_back(found == other.end() ? Json() : found->second);
    }
    add(name, "parameter of the point", false, std::move(values));
  }
  return {{"count", points.size()}, {"columns", std::move(columns)}};
}

// Least error against message bits for m bits of information, dense where the curve bends: at the rates 1 - H2(p) for p
// even on a log scale, and at rates even on a log scale below.
Json floor_curve(std::int64_t m, double entries) {
  std::set<std::int64_t> lengths{0, m};
  for (int i = 0; i <= 60; ++i) {
    const double p = 0.45 * std::pow(10.0, -i / 12.0);
    lengths.insert(std::ceil(m * (1 - theory::binary_entropy(p))));
    lengths.insert(std::ceil(m * std::pow(2.0, -i / 4.0)));
  }
  Json bits = Json::array(), finite = Json::array(), entropy = Json::array();
  for (const auto length : lengths) {
    bits.push_back(length);
    finite.push_back(theory::min_error(m, length));
    entropy.push_back(theory::inverse_binary_entropy(1 - 1.0 * length / m));
  }
  return {{"information_bits", m},
          {"entries", entries},
          {"bits", std::move(bits)},
          {"finite", std::move(finite)},
          {"entropy", std::move(entropy)}};
}

Json floors_json(const std::vector<PointSummary>& points) {
  std::set<std::pair<std::int64_t, double>> sizes;
  for (const auto& point : points) {
    if (point.has_error() && point.error().floor_bits) sizes.emplace(point.record.information_bits, point.entries());
  }
  Json list = Json::array();
  for (const auto& [bits, entries] : sizes) {
    if (bits <= theory::max_floor_bits) list.push_back(floor_curve(bits, entries));
  }
  return list;
}

// Claims that the records say something about, each at the size of which more is there; the names of the others.
Json claims_json(const sweep::Store& store, std::size_t& count) {
  Json judged = Json::array(), unmeasured = Json::array();
  for (const auto* claim : analysis::claims()) {
    double most = 0;
    Json best;
    for (const auto& [size, name] : {std::pair(analysis::Size::quick, "quick"), {analysis::Size::paper, "paper"}}) {
      const sweep::Plan plan = stored_plan(*claim, size, std::nullopt, store);
      if (covered_points(plan, store) == 0) continue;
      const auto verdict = analysis::judge(*claim, plan, store);
      const double share = 1 - 1.0 * verdict.unfinished / std::max<std::int64_t>(1, verdict.points);
      if (verdict.checks.empty() || share < most || share == 0) continue;
      most = share;
      const std::string lack = verdict.unfinished > 0 ? std::to_string(verdict.unfinished) + " of " +
                                                            plural(verdict.points, "point") + " lack trials"
                               : verdict.failed_trials > 0 ? plural(verdict.failed_trials, "trial") + " failed"
                                                           : "";
      best = verdict_json(*claim, verdict, lack);
      best.update({{"size", name}, {"seed", plan.seed}});
    }
    (best.is_null() ? unmeasured : judged).push_back(best.is_null() ? Json(claim->name()) : std::move(best));
  }
  count = judged.size();
  return {{"judged", std::move(judged)}, {"unmeasured", std::move(unmeasured)}};
}

// Every session with the number of records it measured; those without any measured nothing of what is shown here.
Json sessions_json(const sweep::Store& store) {
  Json list = Json::array();
  for (const auto& [id, count] : store.session_records()) {
    const auto known = store.sessions.find(id);
    Json session = known == store.sessions.end() ? Json{{"session", id}} : known->second;
    session.push_back({"records", count});
    list.push_back(std::move(session));
  }
  return list;
}

// JSON for a script element: no "<", so neither a tag nor a comment can begin or end in it. Bytes that
// are no UTF-8, from a path on the command line, are replaced.
std::string inline_json(const Json& json) {
  std::string text;
  for (const char c : json.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

int report(const std::vector<std::string>& arguments) {
  std::string out = "report.html";
  po::options_description flags("flags");
  flags.add_options()("out", po::value(&out), "file to write, default report.html");
  po::variables_map values;
  if (!parse("report", report_usage, flags, "DIR", -1, arguments, values)) return 0;
  required(values, "DIR", "report");
  const auto directories = values["DIR"].as<std::vector<std::string>>();
  const Sources sources = read_sources(directories);
  const std::string_view page = report_page();
  const std::size_t mark = page.find(report_data_mark);
  if (mark == std::string_view::npos) throw core::UserError("report: " + std::string(page));

  const auto points = analysis::summarise(sources.store);
  std::size_t judged = 0;
  const Json claims = claims_json(sources.store, judged);
  const Json data{{"version", KVFRONTIER_VERSION},
                  {"arguments", directories},
                  {"directories", sources.directories},
                  {"records", sources.store.record_count()},
                  {"points", points_json(points, sources)},
                  {"floors", floors_json(points)},
                  {"claims", claims},
                  {"sessions", sessions_json(sources.store)}};
  core::write_file(out, std::string(page.substr(0, mark)) + inline_json(data) +
                            std::string(page.substr(mark + report_data_mark.size())));
  std::fprintf(stderr, "%s, %s, %s -> %s\n", plural(sources.store.record_count(), "record").c_str(),
               plural(points.size(), "point").c_str(), plural(judged, "verdict").c_str(), out.c_str());
  return 0;
}

}  // namespace

Verb report_verb() {
  return {"report", report_usage, "one page to explore points, floors, verdicts and provenance in a browser", report};
}

}  // namespace kvfrontier::cli
