#include "simulator/transcript.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/errors.hpp"
#include "core/ids.hpp"
#include "core/json.hpp"

namespace kvfrontier::simulator {
namespace {

constexpr const char* format_name = "kvfrontier-game-2";
constexpr double largest = 1 << 30;  // queries or numbers; anything above is a damaged file

// The first line of the file.
struct Header {
  std::string format = format_name;
  schemes::PublicParams params;
  core::Bits message_bits = 0;
  core::Index queries = 0, d = 0;
  std::string answers_digest;

  static core::MemberList<Header> members() {
    using core::member;
    return {member("format", &Header::format, "format of the file").needed(),
            member("params", &Header::params, "public parameters").needed(),
            member("message_bits", &Header::message_bits, "length of the message").range(0, 1e12).needed(),
            member("queries", &Header::queries, "number of queries").range(0, largest).needed(),
            member("d", &Header::d, "width of queries").range(0, 1 << 20).needed(),
            member("answers_digest", &Header::answers_digest, "XXH3-128 of the answers").needed()};
  }
};

void write_bytes(std::ofstream& stream, const void* data, std::size_t size) {
  stream.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
}

void read_bytes(std::ifstream& stream, void* data, std::size_t size) {
  stream.read(static_cast<char*>(data), static_cast<std::streamsize>(size));
  if (stream.gcount() != std::streamsize(size)) throw core::DataError(size * 8, stream.gcount() * 8);
}

}  // namespace

std::string answers_digest(const core::RowMatrixD& answers) {
  return core::hash128_hex({reinterpret_cast<const char*>(answers.data()), answers.size() * sizeof(double)});
}

void write_transcript(const Transcript& transcript, const std::filesystem::path& file) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  const Header header{format_name,
                      transcript.params,
                      transcript.message.size,
                      transcript.queries.rows(),
                      transcript.queries.cols(),
                      answers_digest(transcript.answers)};
  stream << core::to_json(header).dump() << '\n';
  write_bytes(stream, transcript.message.words.data(), transcript.message.words.size() * sizeof(std::uint64_t));
  write_bytes(stream, transcript.queries.data(), transcript.queries.size() * sizeof(double));
  stream.flush();
  if (!stream) throw core::UserError("cannot write " + file.string() + ": " + std::strerror(errno));
}

StoredGame read_transcript(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw core::UserError("cannot read " + file.string() + ": no such file");
  std::string line;
  std::getline(stream, line);
  const core::Json json = core::Json::parse(line, nullptr, false);
  if (!json.is_object() || json.value(core::member_name(&Header::format), core::Json()) != format_name)
    throw core::DataError(file.string() + " is not a dumped game");
  StoredGame game;
  try {
    const auto header = core::from_json<Header>(json, "");
    // A damaged size must not ask for more memory than there is file.
    const std::int64_t words = (header.message_bits + 63) / 64,
                       need = std::ssize(line) + 1 + 8 * (words + header.queries * header.d),
                       have = std::filesystem::file_size(file);
    if (need != have)
      throw core::DataError(file.string() + " is damaged: its header calls for " + std::to_string(need) +
                            " bytes, the file has " + std::to_string(have));
    game.params = header.params;
    game.message.size = header.message_bits;
    game.digest = header.answers_digest;
    game.message.words.resize(words);
    game.queries.resize(header.queries, header.d);
  } catch (const core::ConfigError& error) {
    throw core::DataError(file.string() + " is damaged: " + error.what());
  } catch (const core::Json::exception& error) {
    throw core::DataError(file.string() + " is damaged: " + core::json_complaint(error));
  }
  read_bytes(stream, game.message.words.data(), game.message.words.size() * sizeof(std::uint64_t));
  read_bytes(stream, game.queries.data(), game.queries.size() * sizeof(double));
  return game;
}

}  // namespace kvfrontier::simulator
