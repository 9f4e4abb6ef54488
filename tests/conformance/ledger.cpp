// What is counted is what is sent.

#include <algorithm>
#include <set>

#include "../support/catch.hpp"
#include "matrix.hpp"

namespace kvfrontier::tests::ledger {
namespace {

core::Bits booked(const core::Ledger& ledger) {
  core::Bits sum = 0;
  for (const auto& [section, bits] : ledger) sum += bits;
  return sum;
}

// Sections that hold keys beside values.
const std::set<std::string> sections_of_both{"lengths", "residual", "rows", "shared rows", "tail"};

}  // namespace

TEMPLATE_TEST_CASE_SIG("the message is as long as its ledger, its state and its formula say, after every block",
                       "[conformance]", ((int part), part), 0, 1, 2, 3) {
  const auto schemes = conforming_schemes(part);
  if (schemes.empty()) return;
  const auto instances = small_instances();
  Tally tally;
  for (const auto* scheme : schemes) {
    for_each_game(*scheme, instances, [&](const Game& game) {
      for (const int chunk : {1, 3, 64}) {
        core::Bits peak = 0;
        const core::BitWriter writer =
            stream_through(game.params, *game.instance, chunk, [&](const schemes::Encoder& encoder) {
              core::BitWriter now;
              encoder.write(now);
              tally.expect(encoder.state_bits() == now.bits().size, game, "state_bits() is not the length of write()");
              tally.expect(booked(now.ledger()) == now.bits().size, game, "a state's ledger does not add up");
              peak = std::max(peak, encoder.state_bits() + encoder.working_bits());
            });
        tally.expect(booked(writer.ledger()) == writer.bits().size, game, "the ledger does not add up");
        const auto formula = scheme->message_bits(game.params);
        tally.expect(formula.has_value() == scheme->fixed_length(), game, "a size formula goes with a fixed length");
        if (formula) tally.expect(*formula == writer.bits().size, game, "the size formula is wrong");

        schemes::PublicParams params = game.params;
        params.chunk = chunk;
        const auto message = simulator::encode(params, *game.instance);
        tally.expect(message.bits == writer.bits() && message.ledger == writer.ledger(), game,
                     "the game's message is another");
        tally.expect(message.peak_state_bits == peak, game, "the peak is not the largest state and working memory");
        tally.expect(message.peak_state_bits >= message.bits.size, game, "the peak is below the message");
      }
    });
  }
}

// The gap of a message that holds keys is none of the code: tables go by what the scheme says of itself.
TEST_CASE("keys are booked where the scheme says that it sends them, and nowhere else", "[conformance]") {
  const auto instances = small_instances();
  Tally tally;
  for (const auto* scheme : conforming_schemes()) {
    for_each_game(*scheme, instances, [&](const Game& game) {
      // A smaller message may hold nothing at all.
      if (game.size != "full" && game.size != "fixed") return;
      core::Bits keys = 0, both = 0;
      for (const auto& [section, bits] : simulator::encode(game.params, *game.instance).ledger) {
        if (section == "keys") keys += bits;
        if (sections_of_both.count(section) > 0) both += bits;
      }
      if (scheme->sends_keys(game.params.options)) {
        tally.expect(keys + both > 0, game, "no keys in a message that is said to hold some");
      } else {
        tally.expect(keys == 0, game, "keys in a message that is said to hold none");
      }
    });
  }
}

}  // namespace kvfrontier::tests::ledger
