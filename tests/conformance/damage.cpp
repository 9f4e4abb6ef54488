#include "../support/catch.hpp"
#include "matrix.hpp"

namespace kvfrontier::tests::damage {
namespace {

core::BitString cut(core::BitString bits, core::Bits size) {
  bits.size = size;
  bits.words.resize((size + 63) / 64);
  if (size % 64 != 0) bits.words.back() &= (std::uint64_t{1} << size % 64) - 1;
  return bits;
}

}  // namespace

TEMPLATE_TEST_CASE_SIG("damaged messages give an error or an answer", "[conformance]", ((int part), part), 0, 1, 2, 3) {
  const auto schemes = conforming_schemes(part);
  if (schemes.empty()) return;
  const auto instances = small_instances();
  core::Stream coins({77}, core::Purpose("tests/damage"), static_cast<std::uint64_t>(part));
  std::size_t errors = 0, answers = 0;
  Tally tally;
  for (const auto* scheme : schemes) {
    std::size_t games = 0;
    for_each_game(*scheme, instances, [&](const Game& game) {
      if (repeats_index(game) && game.params.d != 16) return;
      const auto bits = simulator::encode(game.params, *game.instance).bits;
      if (bits.size == 0) return;
      const auto isolation = games++ % 50 == 0 ? simulator::Isolation::always : simulator::Isolation::never;
      const auto queries = queries_of(*game.instance, game.params.tau);
      const auto answered = [&](const core::BitString& damaged) {
        try {
          // GameError covers DataError and answers that are not finite; anything else ends the test.
          simulator::ask_bob(game.params, damaged, queries, {isolation, 60});
          ++answers;
          return true;
        } catch (const simulator::GameError&) {
          ++errors;
          return false;
        }
      };
      // A decoder of a fixed length that does not miss its last bit has not read it.
      if (scheme->fixed_length()) tally.expect(!answered(cut(bits, bits.size - 1)), game, "a bit short and no error");
      answered(cut(bits, 0));
      answered(cut(bits, bits.size / 2));
      for (int flip = 0; flip < 6; ++flip) {
        core::BitString damaged = bits;
        const std::uint64_t position = coins.next64() % bits.size;
        damaged.words[position / 64] ^= std::uint64_t{1} << position % 64;
        answered(damaged);
      }
      core::BitString noise = bits, ones = bits;
      for (auto& word : noise.words) word = coins.next64();
      for (auto& word : ones.words) word = ~std::uint64_t{0};
      answered(cut(noise, bits.size));
      answered(cut(ones, bits.size));
    });
  }
  CHECK(errors > 0);
  CHECK(answers > 0);
}

}  // namespace kvfrontier::tests::damage
