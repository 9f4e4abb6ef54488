#include <cstring>

#include "../support/catch.hpp"
#include "matrix.hpp"

namespace kvfrontier::tests::isolation {

using core::RowMatrixD;

namespace {

bool same_bytes(const RowMatrixD& a, const RowMatrixD& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0;
}

// A process a game. What a family changes for Bob it changes at any size, so the others than INDEX are met once a
// preset.
bool worth_a_process(const Game& game) {
  const bool middle = game.size == "middle" || game.size == "fixed";
  if (repeats_index(game)) return middle && game.params.d == 16 && game.params.tokens() == 21;
  return middle || game.params.d == 16;
}

}  // namespace

TEMPLATE_TEST_CASE_SIG("an isolated Bob answers as one in place, bit for bit", "[conformance]", ((int part), part), 0,
                       1, 2, 3) {
  const auto schemes = conforming_schemes(part);
  if (schemes.empty()) return;
  const auto instances = small_instances();
  Tally tally;
  for (const auto* scheme : schemes) {
    for_each_game(*scheme, instances, [&](const Game& game) {
      if (!worth_a_process(game)) return;
      const RowMatrixD queries = queries_of(*game.instance, game.params.tau);
      const auto message = simulator::encode(game.params, *game.instance);
      const RowMatrixD here = simulator::ask_bob(game.params, message.bits, queries, {simulator::Isolation::never, 60});
      const RowMatrixD there =
          simulator::ask_bob(game.params, message.bits, queries, {simulator::Isolation::always, 60});
      tally.expect(same_bytes(here, there), game, "isolation changes the answers");
    });
  }
}

}  // namespace kvfrontier::tests::isolation
