// A message is a function of the stream and the coins.

#include <set>

#include "../support/catch.hpp"
#include "matrix.hpp"

namespace kvfrontier::tests::same_message {
namespace {

// Schemes specified per block and not per token, which may send other messages for other block sizes. None so far.
const std::set<std::string> block_dependent{};

}  // namespace

TEMPLATE_TEST_CASE_SIG("messages do not depend on how the stream is cut", "[conformance]", ((int part), part), 0, 1, 2,
                       3) {
  const auto schemes = conforming_schemes(part);
  if (schemes.empty()) return;
  const auto instances = small_instances();
  Tally tally;
  for (const auto* scheme : schemes) {
    if (block_dependent.count(scheme->name()) > 0) continue;
    for_each_game(*scheme, instances, [&](const Game& game) {
      if (repeats_index(game) && game.params.d != 7) return;
      const auto whole = stream_through(game.params, *game.instance, 64);
      for (const int chunk : {1, 2, 3, 5, 16}) {
        const auto cut = stream_through(game.params, *game.instance, chunk);
        tally.expect(cut.bits() == whole.bits() && cut.ledger() == whole.ledger(), game,
                     "blocks of " + std::to_string(chunk) + " give another message");
      }
    });
  }
}

TEMPLATE_TEST_CASE_SIG("the same coins give the same bits, other coins others", "[conformance]", ((int part), part), 0,
                       1, 2, 3) {
  const auto schemes = conforming_schemes(part);
  if (schemes.empty()) return;
  const auto instances = small_instances();
  Tally tally;
  for (const auto* scheme : schemes) {
    for_each_game(*scheme, instances, [&](const Game& game) {
      const auto message = simulator::encode(game.params, *game.instance);
      const auto again = index_instance(game.instance->params(), 0);
      tally.expect(simulator::encode(game.params, *again).bits == message.bits, game, "two encodings differ");
      if (message.bits.size < 64) return;
      const auto other = index_instance(game.instance->params(), 1);
      schemes::PublicParams params = game.params;
      params.coins = other->coins().open;
      // Rows of one coordinate hold two values each: there equal messages are no wonder. Families other than INDEX may
      // hold fewer fair bits than a message has room for, and the least message need not hold any.
      if (game.params.d >= 16 && game.size != "least" && game.instance->params().family == "index")
        tally.expect(!(simulator::encode(params, *other).bits == message.bits), game,
                     "other coins give the same message");
    });
  }
}

}  // namespace kvfrontier::tests::same_message
