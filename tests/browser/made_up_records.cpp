// made-up-records many|hostile DIRECTORY: records that nobody measured, in the form of measured ones, for the browser
// test.

#include <cmath>
#include <cstdio>

#include "../end_to_end/made_up.hpp"
#include "core/files.hpp"
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
  struct Cell {
    core::Json parameters;
    simulator::GamePoint point;
    simulator::GameRecord described;
  };
  std::vector<Cell> cells;
  for (const core::Json& parameters : grid) {
    const auto point = core::from_json<simulator::GamePoint>(parameters, "parameters");
    cells.push_back({parameters, point, simulator::described(point)});
  }
  sweep::Store store;
  for (std::uint64_t seed = 1; store.points.size() < 50'000; ++seed) {
    for (Cell& cell : cells) {
      if (store.points.size() == 50'000) break;
      cell.parameters["seed"] = seed;
      // Any spread will do, as long as it is the same everywhere.
      const std::string hash = core::hash128_hex(cell.parameters.dump());
      const double first = std::stoul(hash.substr(0, 8), nullptr, 16) / 4294967296.0;
      const double second = std::stoul(hash.substr(8, 8), nullptr, 16) / 4294967296.0;
      const double rate = *cell.point.rate * std::pow(2.0, first);
      const double error = 0.5 * std::exp(-0.35 * rate * second);
      const core::Bits bits = std::ceil((1 + rate) * cell.point.entries());
      store.add(record_of(cell.parameters, 0, made_up_game(cell.described, cell.point, bits, error)));
    }
  }
  return store;
}

constexpr const char* markup = "<img src=x onerror=\"window.hacked=1\"></script><script>window.hacked=2</script><!--";

// Names that would be markup, wherever the page shows a name. Of schemes, versions and families that the program does
// not know, it shows what the records say.
sweep::Store hostile() {
  sweep::Store store;
  int place = 0;
  for (const core::Json& parameters : resolved(R"({"n": 8, "d": 16, "rate": [1, 2], "scheme": ["bitpack"]})")) {
    for (const std::string name : {"scheme", "options", "embedding", "instance", "schedule", "label"}) {
      core::Json spoilt = parameters;
      simulator::GameRecord game = made_up_game(parameters, 400 + 40 * place++, 0.1);
      if (name == "scheme" || name == "instance") {
        spoilt[name]["name"] = markup;
      } else if (name == "options") {
        spoilt["scheme"]["version"] = 1'000'000;
        spoilt["scheme"]["options"][markup] = markup;
      } else if (name == "label") {
        game.label = game.surrogates = markup;
        game.ledger = {{markup, game.message_bits}};
      } else {
        spoilt[name] = markup;
      }
      for (std::int64_t trial = 0; trial < 8; ++trial) store.add(record_of(spoilt, trial, game));
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
    std::fprintf(stderr, "usage: made-up-records many|hostile DIRECTORY\n");
    return 2;
  }
  using namespace kvfrontier;
  core::make_directory(argv[2]);
  sweep::write_store(kind == "many" ? end_to_end::many() : end_to_end::hostile(), argv[2]);
  return 0;
}
