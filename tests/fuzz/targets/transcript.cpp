// A dumped game: the header with the public parameters, then numbers. It may be refused with a DataError; a game that is
// read is written as a file that is read as the same game.

#include <cstring>
#include <string>

#include "../input.hpp"
#include "core/errors.hpp"
#include "simulator/transcript.hpp"

using namespace kvfrontier;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto game = simulator::parse_transcript(text, "input");
    require(std::ssize(game.message.words) == (game.message.size + 63) / 64, "a message has the words of its length");
    const core::Json params = game.params.to_json();
    require(schemes::PublicParams::from_json(core::Json::parse(params.dump())).to_json() == params,
            "parameters that are read reach Bob as they are");
  } catch (const core::DataError&) {
  }
  return 0;
}
