// made-up-rows many|hostile DIRECTORY: rows that nobody measured, in the form of measured ones, for the browser test.

#include <cmath>
#include <cstdio>

#include "../end_to_end/made_up.hpp"
#include "core/ids.hpp"
#include "sweep/store_files.hpp"

namespace kvfrontier::end_to_end {
namespace {

// 50,000 points: a grid of schemes and budgets, again and again under new seeds.
sweep::Store many() {
  const auto grid = resolved(
      R"([{"n": [8, 16, 32], "d": [16, 64], "embedding": ["sphere", "rademacher"], "rate": [0.25, 0.5, 1, 2, 4, 8, 16],
    "scheme": ["bitpack", "rate_distortion", {"name": "uniform", "keys": "public"}, {"name": "uniform", "keys": "stored"},
               {"name": "h2o", "keys": "public"}, {"name": "streaming_llm", "keys": "public"}]}])");
  sweep::Store store;
  for (std::uint64_t seed = 1; store.points.size() < 50'000; ++seed) {
    for (core::Json parameters : grid) {
      if (store.points.size() == 50'000) break;
      parameters["seed"] = seed;
      // Any spread will do, as long as it is the same everywhere.
      const std::string hash = core::hash128_hex(parameters.dump());
      const double first = std::stoul(hash.substr(0, 8), nullptr, 16) / 4294967296.0;
      const double second = std::stoul(hash.substr(8, 8), nullptr, 16) / 4294967296.0;
      const double entries = parameters.at("tokens").get<double>() * parameters.at("d").get<double>();
      const double rate = parameters.at("rate").get<double>() * std::pow(2.0, first);
      const double error = 0.5 * std::exp(-0.35 * rate * second);
      store.add(made_up_row(parameters, 0, static_cast<std::uint64_t>(std::ceil((1 + rate) * entries)), error));
    }
  }
  return store;
}

constexpr const char* markup = "<img src=x onerror=\"window.hacked=1\"></script><script>window.hacked=2</script><!--";

// Names that would be markup, wherever the page shows a name.
sweep::Store hostile() {
  sweep::Store store;
  std::int64_t place = 0;
  for (core::Json parameters : resolved(R"({"n": 8, "d": 16, "rate": [1, 2], "scheme": ["bitpack"]})")) {
    for (const char* name : {"scheme", "options", "embedding", "instance", "schedule", "tau"}) {
      core::Json spoilt = parameters;
      if (name == std::string("scheme") || name == std::string("instance")) {
        spoilt[name]["name"] = markup;
      } else if (name == std::string("options")) {
        spoilt["scheme"]["options"][markup] = markup;
      } else {
        spoilt[name] = markup;
      }
      for (std::int64_t trial = 0; trial < 8; ++trial)
        store.add(made_up_row(spoilt, trial, static_cast<std::uint64_t>(400 + 40 * place), 0.1));
      ++place;
    }
  }
  store.sessions["made-up"] = {{"session", "made-up"}, {"host", markup}, {"config", {{markup, markup}}}};
  return store;
}

}  // namespace
}  // namespace kvfrontier::end_to_end

int main(int argc, char** argv) {
  const std::string kind = argc == 3 ? argv[1] : "";
  if (kind != "many" && kind != "hostile") {
    std::fprintf(stderr, "usage: made-up-rows many|hostile DIRECTORY\n");
    return 2;
  }
  using namespace kvfrontier;
  sweep::write_store(kind == "many" ? end_to_end::many() : end_to_end::hostile(), argv[2]);
  return 0;
}
