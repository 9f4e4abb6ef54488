#include "analysis/summary.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "core/errors.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"
#include "sweep/stopping.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::analysis {
namespace {

using core::Json;

bool has_fixed_length(const Json& parameters) {
  const Json& scheme = parameters.at("scheme");
  const auto* known = schemes::Schemes::find_or_null(scheme.at("name").get<std::string>());
  // Rows of a scheme this program does not have: a fixed length is the claim that is easier to convict.
  return known == nullptr || known->fixed_length();
}

// null stands for a ratio without a denominator.
double or_nan(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

// The options of a row as its scheme reads them now. One that came later has its default, which changes nothing as long
// as the scheme's version is the same.
Json options_now(const schemes::Scheme& scheme, Json options) {
  for (const core::Option& option : scheme.options().options()) {
    if (!options.contains(option.name)) options[option.name] = option.default_value;
  }
  return options;
}

// The scheme of a row and what it knows in advance. nullopt for an unknown scheme, another version of it, or a budget
// that it could not meet.
struct KnownGame {
  const schemes::Scheme* scheme = nullptr;
  schemes::PublicParams params;
};
std::optional<KnownGame> known_game(const Json& parameters) {
  const Json& entry = parameters.at("scheme");
  const auto* scheme = schemes::Schemes::find_or_null(entry.at("name").get<std::string>());
  if (scheme == nullptr || scheme->version() != entry.at("version").get<int>()) return std::nullopt;
  KnownGame game{scheme, {}};
  game.params.options = options_now(*scheme, entry.at("options"));
  if (scheme->options().size_is_open(game.params.options)) return std::nullopt;  // infeasible: no message
  game.params.schedule = geometry::Schedule(parameters.at("schedule"), parameters.at("sides"));
  game.params.d = parameters.at("d");
  game.params.embedding = parameters.at("embedding");
  game.params.chunk = parameters.at("chunk");
  game.params.scheme = scheme->name();
  return game;
}

bool is_game(const Json& parameters) {
  return parameters.contains("scheme");
}

}  // namespace

double PointSummary::entries() const {
  return at("tokens").get<double>() * at("d").get<double>();
}

std::optional<std::uint64_t> formula_bits(const Json& parameters) {
  const auto game = known_game(parameters);
  return game ? game->scheme->message_bits(game->params) : std::nullopt;
}

std::optional<std::uint64_t> fixed_cost(const Json& parameters) {
  auto game = known_game(parameters);
  if (!game) return std::nullopt;
  game->params.schedule = {};
  return game->scheme->message_bits(game->params);
}

std::optional<std::uint64_t> next_smaller_message(const Json& parameters) {
  if (parameters.at("rate").is_null()) return std::nullopt;
  auto game = known_game(parameters);
  // A scheme that needs to be told something may have to ask a program for its lengths; analysis runs none.
  if (!game || game->scheme->options().has_required()) return std::nullopt;
  const auto bits = game->scheme->message_bits(game->params);
  if (!bits) return std::nullopt;
  if (*bits == 0) return 0;
  for (const core::Option& option : game->scheme->options().options()) {
    if (option.size) game->params.options[option.name] = Json();
  }
  const schemes::Fit fit = game->scheme->fit(game->params, *bits - 1);
  if (!fit.failure.empty()) return std::nullopt;
  if (!fit.options) return 0;
  game->params.options = *fit.options;
  return game->scheme->message_bits(game->params);
}

double floor_bits(std::uint64_t information_bits, double error, bool fixed_length) {
  if (fixed_length) return static_cast<double>(theory::min_bits(static_cast<std::int64_t>(information_bits), error));
  return theory::entropy_floor_bits(static_cast<double>(information_bits), error);
}

std::optional<double> mse_floor_of(const core::Json& parameters, double message_bits) {
  const auto* family =
      reduction::InstanceFamilies::find_or_null(parameters.at("instance").at("name").get<std::string>());
  if (family == nullptr) return std::nullopt;
  return family->mse_floor(message_bits / (parameters.at("tokens").get<double>() * parameters.at("d").get<double>()));
}

PointSummary summarise(const std::vector<sweep::Row>& rows, const sweep::Stop* stop) {
  PointSummary point;
  point.point = rows.front().point;
  point.parameters = *rows.front().parameters;
  point.stop = stop ? stop->reason : "unfinished";
  point.level = 1 - (1 - sweep::quoted_level) / static_cast<double>(stop ? stop->looks : 1);
  const Json& rate = point.at("rate");
  if (!rate.is_null()) point.rate_budget = rate.get<double>();
  const Json& options = point.at("scheme").at("options");
  const auto* scheme = schemes::Schemes::find_or_null(point.at("scheme").at("name").get<std::string>());
  point.stored_keys =
      scheme ? scheme->sends_keys(options_now(*scheme, options)) : options.value("keys", "public") == "stored";

  std::vector<core::TrialErrors> errors;
  std::vector<double> squared_errors;
  bool infeasible = false;
  for (const sweep::Row& row : rows) try {
      const Json& data = row.result.data;
      point.seconds += row.seconds;
      if (row.result.status == "infeasible") {
        infeasible = true;
        point.least_rate = data.at("least_rate").get<double>();
      } else if (row.result.status == "uncertified") {
        ++point.uncertified;
        point.information_bits = data.at("information_bits");
      } else if (row.result.status == "failed") {
        if (point.failed++ == 0) point.reason = data.value("reason", "");
      } else {
        ++point.trials;
        point.information_bits = data.at("information_bits");
        point.has_bits = !data.at("error").is_null();
        squared_errors.push_back(data.at("mse").get<double>());
        if (point.has_bits) {
          errors.push_back({data.at("row_errors").get<double>(), data.at("queried_rows").get<std::int64_t>()});
          point.error_theorem += data.at("error_theorem").get<double>();
          point.worst_decile += data.at("worst_decile").get<double>();
          point.ties += data.at("ties").get<std::int64_t>();
        }
        point.tau += data.at("tau").get<double>();
        point.message_bits += data.at("message_bits").get<double>();
        point.peak_state_bits = std::max(point.peak_state_bits, data.at("peak_state_bits").get<std::uint64_t>());
        point.mse += data.at("mse").get<double>();
        point.relative_l2 += or_nan(data.at("relative_l2"));
        point.mixture_relative_l2 += or_nan(data.at("mixture_relative_l2"));
        point.random_relative_l2 += or_nan(data.at("random_relative_l2"));
        point.queried_rows += data.at("queried_rows").get<std::int64_t>();
      }
    } catch (const Json::exception& error) {
      throw core::StoreError(sweep::damaged_row(row, error));
    }
  point.status = infeasible ? "infeasible" : point.failed > 0 ? "failed" : point.trials > 0 ? "ok" : "uncertified";
  point.fixed_length = has_fixed_length(point.parameters);
  point.floor_kind = point.fixed_length ? "finite" : "entropy";
  if (point.trials == 0) return point;

  const double trials = static_cast<double>(point.trials);
  for (double* mean : {&point.tau, &point.message_bits, &point.error_theorem, &point.worst_decile, &point.mse,
                       &point.relative_l2, &point.mixture_relative_l2, &point.random_relative_l2}) {
    *mean /= trials;
  }
  point.mse_floor = mse_floor_of(point.parameters, point.message_bits);
  if (!point.has_bits) {
    point.interval = core::student_interval(squared_errors, point.level);
    return point;
  }
  double row_errors = 0;
  for (const auto& trial : errors) row_errors += trial.row_errors;
  point.error = row_errors / static_cast<double>(point.queried_rows);
  point.interval = core::error_interval(errors, point.level);
  if (point.information_bits > 0) {
    point.floor_bits = floor_bits(point.information_bits, point.error, point.fixed_length);
    if (*point.floor_bits > 0) point.gap = point.message_bits / *point.floor_bits;
  }
  return point;
}

std::vector<PointSummary> summarise(const sweep::Store& store) {
  std::vector<std::string> games;
  for (const auto& [id, rows] : store.points) {
    if (is_game(rows.parameters())) games.push_back(id);
  }
  std::vector<std::optional<PointSummary>> summaries(games.size());
  std::exception_ptr failure;
  // Parsing what the rows hold is most of the time that a table takes.
#pragma omp parallel for schedule(dynamic, 16)
  for (std::size_t i = 0; i < games.size(); ++i) {
    try {
      const auto rows = store.counted_rows(games[i]);
      if (rows.empty()) continue;
      const auto stop = store.stops.find(games[i]);
      summaries[i] = summarise(rows, stop == store.stops.end() ? nullptr : &stop->second);
    } catch (...) {
#pragma omp critical
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);

  const auto order = [](const PointSummary& p) {
    return std::make_tuple(p.at("instance").dump(), p.at("embedding").dump(), p.at("schedule").dump(),
                           p.at("tokens").get<std::int64_t>(), p.at("d").get<std::int64_t>(),
                           p.at("scheme").at("name").get<std::string>(), p.stored_keys, p.rate_budget.value_or(1e300),
                           p.message_bits, p.point);
  };
  std::vector<std::pair<decltype(order(PointSummary())), PointSummary*>> sorted;
  for (auto& summary : summaries) {
    if (summary) sorted.emplace_back(order(*summary), &*summary);
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<PointSummary> points;
  points.reserve(sorted.size());
  for (const auto& [place, summary] : sorted) points.push_back(std::move(*summary));
  return points;
}

}  // namespace kvfrontier::analysis
