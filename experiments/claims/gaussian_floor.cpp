// F9. Gaussian values cost at least half a log2(1/error) bits each, whatever the code; scalar quantisers pay the
// Lloyd-Max constants on top.

#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "analysis/claim.hpp"
#include "core/rng.hpp"
#include "schemes/scheme.hpp"
#include "theory/lloyd_max.hpp"

namespace kvfrontier::experiments::gaussian_floor {
namespace {

using analysis::CheckList;
using core::Json;

class GaussianFloor : public analysis::Claim {
 public:
  std::string name() const override { return "gaussian_floor"; }
  std::string statement() const override {
    return "N(0,1) values kept in b bits each come back with mean squared error at least 4^-b, from every scheme; "
           "Lloyd-Max scalars reach .3634, .1175, .03454, .009501 at 1 to 4 bits";
  }
  std::string source() const override {
    return "Gaussian distortion-rate function (Shannon); Max 1960 (his last digit at 4 bits, .009497, is corrected)";
  }
  std::string prediction() const override {
    return "(1/2) log2(1/mse) / b <= 1, b = message bits / N d; mse of Lloyd-Max quantisers";
  }
  std::string allowance() const override {
    return "0.002 on the ratio: the mean of a logarithm over trials lies that far from the logarithm of the mean (half "
           "its variance, 1/(N d) for a code near the floor). 1 % on the Lloyd-Max constants: draws are finite";
  }
  std::string refutation() const override {
    return "an error worth more bits than the message has, or a scalar constant off by more than 1 %";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::structured("code", {}, R"({"lloyd_max": bits} or {"scheme": entry, "rate": bits an entry})",
                           "what compresses the values"),
        Option::integer("n", 16, 2, 16384, "side of the last map, doubling"),
        Option::integer("d", 16, 1, 65536, "width of keys and of values"),
        Option::integer("draws", 524288, 1, 100'000'000, "values a trial for lloyd_max"),
        analysis::sabotage_option({"half_the_message_uncounted", "biased_levels"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    const Json& code = combination.value("code");
    Json parameters{{"code", code},
                    {"sabotage", combination.value("sabotage")},
                    {"d", combination.value("d")},
                    {"n", combination.value("n")}};
    const Json& draws = combination.value("draws");
    if (code.contains("lloyd_max")) {
      parameters["draws"] = draws;
      return parameters;
    }
    // The game is index_frontier's, on Gaussian values.
    sweep::Combination game;
    for (const auto& option : frontier().options().options())
      game.set(option.name, option.default_value, combination.path("code"));
    const auto set = [&](const char* name, const Json& value) { game.set(name, value, combination.path("code")); };
    set("instance", "gaussian_values");
    set("n", parameters["n"]);
    set("d", parameters["d"]);
    set("scheme", code.at("scheme"));
    set("rate", code.at("rate"));
    set("mixture_queries", 0);
    set("random_queries", 0);
    parameters["game"] = frontier().resolve(game);
    return parameters;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial,
                             const sweep::TrialContext& context) const override {
    const double counted = parameters.at("sabotage") == "half_the_message_uncounted" ? 0.5 : 1.0;
    if (parameters.contains("game")) {
      Json game = parameters.at("game");
      game["seed"] = parameters.at("seed");
      const auto played = frontier().measure(game, trial, context);
      if (played.status != "ok") return {played.status, played.data};
      const double entries = game.at("tokens").get<double>() * game.at("d").get<double>();
      return result(played.data.at("mse"), counted * played.data.at("message_bits").get<double>() / entries);
    }
    const int bits = parameters.at("code").at("lloyd_max");
    const auto quantiser = theory::lloyd_max(bits);
    const double stretch = parameters.at("sabotage") == "biased_levels" ? 1.2 : 1.0;
    core::Stream stream(core::derive_key(parameters.at("seed"), "gaussian_floor", trial, "alice"),
                        core::Purpose("gaussian floor/values"), 0);
    boost::random::normal_distribution<double> normal;
    double sum = 0;
    const auto draws = parameters.at("draws").get<std::int64_t>();
    for (std::int64_t i = 0; i < draws; ++i) {
      const double x = normal(stream), error = x - stretch * quantiser.quantise(x);
      sum += error * error;
    }
    return result(sum / static_cast<double>(draws), counted * bits);
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json codes = Json::array();
    for (int bits = 1; bits <= 4; ++bits) codes.push_back({{"lloyd_max", bits}});
    for (const auto& name : schemes::self_contained_schemes()) {
      const auto& table = schemes::Schemes::find(name, "").options();
      Json entry{{"name", name}};
      if (table.find("keys") != nullptr) entry["keys"] = "public";
      if (!table.has_size()) {
        codes.push_back({{"scheme", entry}, {"rate", Json()}});
        continue;
      }
      for (const double rate : quick ? std::vector<double>{1, 2, 4} : std::vector<double>{0.5, 1, 2, 4, 8})
        codes.push_back({{"scheme", entry}, {"rate", rate}});
    }
    return {{"grid", {{"code", codes}}},
            {"n", quick ? 16 : 32},
            {"d", quick ? 16 : 32},
            {"stop", {{"min_trials", 8}, {"max_trials", quick ? 24 : 64}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const auto errors = point.values("mse"), rates = point.values("rate");
      if (errors.empty()) continue;  // infeasible
      const Json& code = point.parameters.at("code");
      Json at{{"rate", core::mean_of(rates)}, {"mse", core::mean_of(errors)}};
      at["code"] = code.contains("lloyd_max") ? Json("lloyd_max") : code.at("scheme").at("name");
      at["quantity"] = "worth / bits";
      std::vector<double> shares;
      for (std::size_t i = 0; i < errors.size(); ++i) shares.push_back(-std::log2(errors[i]) / 2 / rates[i]);
      checks.mean(at, shares, 1, analysis::at_most(1.002));
      if (!code.contains("lloyd_max")) continue;
      at["quantity"] = "mse";
      const double constant = theory::lloyd_max(code.at("lloyd_max")).mse;
      checks.mean(at, errors, constant, analysis::within_relative(constant, 0.01));
    }
    return checks.finish();
  }

 private:
  static const sweep::Experiment& frontier() { return sweep::Experiments::find("index_frontier", "experiment"); }
  static sweep::TrialResult result(double mse, double rate) { return {"ok", {{"mse", mse}, {"rate", rate}}}; }
};

const core::Registration<sweep::Experiment, GaussianFloor> registration;

}  // namespace
}  // namespace kvfrontier::experiments::gaussian_floor
