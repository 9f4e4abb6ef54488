// A message: the decoders of all schemes. The first bytes choose the game (message_game.hpp) and how many bits of the last
// byte count, the rest is the message. A decoder may refuse it with a DataError or answer anything, but it answers the
// same twice, and in the shape that it was asked in.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>

#include "../input.hpp"
#include "../message_game.hpp"
#include "core/bits.hpp"

using namespace kvfrontier;
using fuzz::require;

namespace {

// The game of an input, kept by the bytes that chose it: setting one up takes longer than decoding a message.
std::shared_ptr<const fuzz::MessageGame> game_of(fuzz::Input& input) {
  static std::unordered_map<std::string, std::shared_ptr<const fuzz::MessageGame>> known;
  constexpr std::size_t most_known = 20000;
  const std::string chosen(input.rest().substr(0, fuzz::message_game_bytes(input)));
  const auto found = known.find(chosen);
  if (found != known.end()) {
    input.skip(chosen.size());
    return found->second;
  }
  if (known.size() == most_known) known.clear();
  auto game = fuzz::message_game(input);
  return known[chosen] = game ? std::make_shared<const fuzz::MessageGame>(*std::move(game)) : nullptr;
}

core::RowMatrixD queries_of(const schemes::PublicParams& params) {
  core::RowMatrixD queries = core::RowMatrixD::Zero(4, params.d);  // the first asks for the mean of all values
  core::RowMatrixF key(1, params.d);
  params.keys().rows(params.coins, params.tokens(), params.tokens() - 1, key);
  queries.row(1) = params.tau * key.row(0).cast<double>();
  queries.row(2).setConstant(params.tau);
  queries.row(3) = -1e3 * queries.row(1);
  return queries;
}

core::BitString bits_of(std::string_view bytes, std::size_t unused) {
  core::BitString bits;
  bits.size = std::max<core::Bits>(0, 8 * std::ssize(bytes) - static_cast<core::Bits>(unused));
  bits.words.resize((bits.size + 63) / 64);
  if (bits.size == 0) return bits;
  std::memcpy(bits.words.data(), bytes.data(), std::min(bytes.size(), 8 * bits.words.size()));
  if (bits.size % 64 != 0) bits.words.back() &= (std::uint64_t{1} << bits.size % 64) - 1;
  return bits;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t unused = input.choice(8);
  const auto game = game_of(input);
  if (!game) return 0;
  const core::RowMatrixD queries = queries_of(game->params);
  try {
    const auto decoder = schemes::Schemes::find(game->params.scheme, "scheme")
                             .decoder(game->params, core::BitReader(bits_of(input.rest(), unused)));
    const core::RowMatrixD answers = decoder->attend(queries), again = decoder->attend(queries);
    require(answers.rows() == queries.rows() && answers.cols() == game->params.d, "a row of answers for every query");
    require(again.size() == answers.size() &&
                std::memcmp(again.data(), answers.data(), answers.size() * sizeof(double)) == 0,
            "answers do not depend on earlier calls");
  } catch (const core::DataError&) {
  }
  return 0;
}
