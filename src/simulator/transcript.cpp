#include "simulator/transcript.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/errors.hpp"
#include "core/ids.hpp"
#include "core/json.hpp"

namespace kvfrontier::simulator {
namespace {

constexpr const char* format_name = "kvfrontier-game-1";
constexpr std::uint64_t largest = std::uint64_t{1} << 40;  // bits or numbers; anything above is a damaged file

void write_bytes(std::ofstream& stream, const void* data, std::size_t size) {
  stream.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
}

void read_bytes(std::ifstream& stream, void* data, std::size_t size) {
  stream.read(static_cast<char*>(data), static_cast<std::streamsize>(size));
  if (static_cast<std::size_t>(stream.gcount()) != size)
    throw core::DataError(size * 8, static_cast<std::uint64_t>(stream.gcount()) * 8);
}

}  // namespace

std::string answers_digest(const core::RowMatrixD& answers) {
  return core::hash128_hex(
      {reinterpret_cast<const char*>(answers.data()), static_cast<std::size_t>(answers.size()) * sizeof(double)});
}

void write_transcript(const Transcript& transcript, const std::filesystem::path& file) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  const core::Json header{{"format", format_name},
                          {"params", transcript.params.to_json()},
                          {"message_bits", transcript.message.size},
                          {"queries", transcript.queries.rows()},
                          {"d", transcript.queries.cols()},
                          {"answers_digest", answers_digest(transcript.answers)}};
  stream << header.dump() << '\n';
  write_bytes(stream, transcript.message.words.data(), transcript.message.words.size() * sizeof(std::uint64_t));
  write_bytes(stream, transcript.queries.data(), static_cast<std::size_t>(transcript.queries.size()) * sizeof(double));
  stream.flush();
  if (!stream) throw core::UserError("cannot write " + file.string() + ": " + std::strerror(errno));
}

StoredGame read_transcript(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw core::UserError("cannot read " + file.string() + ": no such file");
  std::string line;
  std::getline(stream, line);
  const core::Json header = core::Json::parse(line, nullptr, false);
  if (!header.is_object() || header.value("format", core::Json()) != format_name)
    throw core::DataError(file.string() + " is not a dumped game");
  StoredGame game;
  try {
    game.params = schemes::PublicParams::from_json(header.at("params"));
    game.message.size = header.at("message_bits").get<std::uint64_t>();
    const auto queries = header.at("queries").get<std::uint64_t>(), d = header.at("d").get<std::uint64_t>();
    if (game.message.size > largest || queries > largest || d > largest || (d > 0 && queries > largest / d))
      throw core::DataError(file.string() + ": sizes beyond reason");
    game.digest = header.at("answers_digest");
    // A damaged size must not ask for more memory than there is file.
    const std::uint64_t words = (game.message.size + 63) / 64, need = line.size() + 1 + 8 * (words + queries * d),
                        have = std::filesystem::file_size(file);
    if (need != have)
      throw core::DataError(file.string() + " is damaged: its header calls for " + std::to_string(need) +
                            " bytes, the file has " + std::to_string(have));
    game.message.words.resize(words);
    game.queries.resize(static_cast<core::Index>(queries), static_cast<core::Index>(d));
  } catch (const core::ConfigError& error) {
    throw core::DataError(file.string() + ": " + error.what());
  } catch (const core::Json::exception& error) {
    throw core::DataError(file.string() + " is damaged: " + core::json_complaint(error));
  }
  read_bytes(stream, game.message.words.data(), game.message.words.size() * sizeof(std::uint64_t));
  read_bytes(stream, game.queries.data(), static_cast<std::size_t>(game.queries.size()) * sizeof(double));
  return game;
}

}  // namespace kvfrontier::simulator
