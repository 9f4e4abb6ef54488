#include "analysis/audit.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "analysis/summary.hpp"
#include "core/errors.hpp"
#include "core/statistics.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::analysis {
namespace {

using core::Json;

std::string text(double value, const char* format = "%.6g") {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), format, value);
  return buffer;
}

// N and n follow from the sides; a row may not claim fewer tokens than it cached.
void require_shape(const Json& parameters) {
  const geometry::Schedule schedule(parameters.at("schedule"), parameters.at("sides"));
  if (parameters.at("tokens") != schedule.tokens() || parameters.at("n") != schedule.n()) {
    throw core::ConfigError(
        "tokens", parameters.at("tokens").dump() + " at n = " + parameters.at("n").dump(),
        std::to_string(schedule.tokens()) + " at n = " + std::to_string(schedule.n()) + " for these sides");
  }
}

// Trials of one point whose messages have one length.
struct Group {
  std::vector<core::TrialErrors> errors;
  std::vector<double> lengths;
  std::uint64_t information_bits = 0;
  std::vector<double> squared_errors;
};

// What Alice holds in an instance of these parameters: the family says, not the row. nullopt for an unknown family.
struct Holding {
  std::uint64_t information_bits = 0;
  int value_bits = 0;
};
std::optional<Holding> holding_of(const Json& parameters) {
  reduction::InstanceParams params;
  params.family = parameters.at("instance").at("name");
  const auto* family = reduction::InstanceFamilies::find_or_null(params.family);
  if (family == nullptr) return std::nullopt;
  params.options = family->options().resolve(parameters.at("instance").at("options"), "instance.options");
  params.schedule = geometry::Schedule(parameters.at("schedule"), parameters.at("sides"));
  params.d = parameters.at("d");
  params.embedding = parameters.at("embedding");
  family->check(params, "instance");
  const auto instance = family->make(params, {});
  return Holding{instance->information_bits(), instance->value_bits()};
}

void audit_row(const sweep::Row& row, const std::optional<std::uint64_t>& formula,
               const std::optional<Holding>& holding, AuditReport& report) {
  const Json& data = row.result.data;
  const auto complain = [&](const std::string& what) { report.findings.push_back({row.point, row.trial, what}); };
  const auto bits = data.at("message_bits").get<std::uint64_t>();
  std::uint64_t booked = 0;
  for (const auto& [section, count] : data.at("ledger").items()) booked += count.get<std::uint64_t>();
  if (booked != bits)
    complain("the ledger books " + std::to_string(booked) + " bits, the message has " + std::to_string(bits));
  if (formula && *formula != bits)
    complain("the message has " + std::to_string(bits) + " bits, the size formula gives " + std::to_string(*formula));
  if (holding && data.at("information_bits") != holding->information_bits) {
    complain("an instance of these parameters holds " + std::to_string(holding->information_bits) +
             " bits, the row says " + data.at("information_bits").dump());
  }
  if (holding && data.at("error").is_null() != (holding->value_bits == 0))
    complain("error is " + data.at("error").dump() + ", but values of this family have " +
             std::to_string(holding->value_bits) + " bits");
  if (data.at("peak_state_bits").get<std::uint64_t>() < bits) {
    complain("the message has " + std::to_string(bits) + " bits, the largest state only " +
             data.at("peak_state_bits").dump());
  }
  const Json& parameters = *row.parameters;
  if (data.at("queried_rows") != parameters.at("queries")) {
    complain("the row counts " + data.at("queried_rows").dump() + " queried rows, its parameters ask for " +
             parameters.at("queries").dump());
  }
  if (data.at("error").is_null()) return;
  const double errors = data.at("row_errors"), rows = data.at("queried_rows"), error = data.at("error");
  if (!(errors >= 0 && errors <= rows) || std::abs(error * rows - errors) > 1e-6 * (1 + rows)) {
    complain("error " + text(error) + " does not follow from " + text(errors) + " wrong rows of " + text(rows));
  }
}

}  // namespace

AuditReport audit(const sweep::Store& store) {
  AuditReport report;
  const std::vector<PointSummary> points = summarise(store);
  report.points = points.size();
  const double level = 1 - 2 * conviction_level / static_cast<double>(std::max<std::size_t>(1, points.size()));
  for (const PointSummary& point : points) {
    std::optional<std::uint64_t> formula;
    std::optional<Holding> holding;
    try {
      require_shape(point.parameters);
      formula = formula_bits(point.parameters);
      holding = holding_of(point.parameters);
    } catch (const core::UserError& error) {
      report.findings.push_back({point.point, -1, std::string("its parameters are impossible: ") + error.what()});
    }
    // A fixed length is one length; should a store hold several, each answers for itself. All rows count, not only
    // those before the stop: more of them only make the interval tighter.
    std::map<std::uint64_t, Group> groups;
    for (const sweep::Row& row : store.points.at(point.point).all()) {
      if (row.result.status != "ok") continue;
      ++report.rows;
      try {
        audit_row(row, formula, holding, report);
      } catch (const Json::exception& error) {
        throw core::StoreError(sweep::damaged_row(row, error));
      }
      const Json& data = row.result.data;
      Group& group = groups[point.fixed_length ? data.at("message_bits").get<std::uint64_t>() : 0];
      group.squared_errors.push_back(data.at("mse").get<double>());
      group.lengths.push_back(data.at("message_bits").get<double>());
      if (data.at("error").is_null()) continue;
      group.errors.push_back({data.at("row_errors").get<double>(), data.at("queried_rows").get<std::int64_t>()});
      group.information_bits = data.at("information_bits");
    }
    for (const auto& [length, group] : groups) {
      const double mean_bits = core::mean_of(group.lengths),
                   squared_error_hi = core::student_interval(group.squared_errors, level).hi;
      if (const auto least = mse_floor_of(point.parameters, mean_bits); least && squared_error_hi < *least) {
        report.findings.push_back({point.point, -1,
                                   text(mean_bits, "%.0f") + " bits at mean squared error at most " +
                                       text(squared_error_hi) + " lie below its floor of " + text(*least)});
      }
      if (group.information_bits == 0) continue;
      const double error_hi = core::error_interval(group.errors, level).hi;
      const double floor = floor_bits(group.information_bits, error_hi, point.fixed_length);
      const double bits = point.fixed_length ? static_cast<double>(length)
                                             : std::min(1e300, core::student_interval(group.lengths, level).hi);
      if (bits < floor) {
        report.findings.push_back({point.point, -1,
                                   text(bits, "%.0f") + " bits at error at most " + text(error_hi) +
                                       " lie below the floor of " + text(floor, "%.0f") +
                                       " bits for m = " + std::to_string(group.information_bits)});
      }
    }
    if (point.gap && !point.stored_keys && (report.nearest_point.empty() || *point.gap < report.nearest_gap)) {
      report.nearest_gap = *point.gap;
      report.nearest_point = point.point;
    }
  }
  return report;
}

}  // namespace kvfrontier::analysis
