#include "simulator/transcript.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "core/errors.hpp"
#include "core/files.hpp"
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

template <class Number>
std::string_view bytes_of(const Number* numbers, std::size_t count) {
  return {reinterpret_cast<const char*>(numbers), count * sizeof(Number)};
}

// Takes `count` numbers off the front of `bytes`, which holds as many.
template <class Number>
void take(std::string_view& bytes, Number* numbers, std::size_t count) {
  std::memcpy(numbers, bytes.data(), count * sizeof(Number));
  bytes.remove_prefix(count * sizeof(Number));
}

}  // namespace

std::string answers_digest(const core::RowMatrixD& answers) {
  return core::hash128_hex({reinterpret_cast<const char*>(answers.data()), answers.size() * sizeof(double)});
}

void write_transcript(const Transcript& transcript, const std::filesystem::path& file) {
  const Header header{format_name,
                      transcript.params,
                      transcript.message.size,
                      transcript.queries.rows(),
                      transcript.queries.cols(),
                      answers_digest(transcript.answers)};
  std::string text = core::to_json(header).dump() + '\n';
  text.append(bytes_of(transcript.message.words.data(), transcript.message.words.size()));
  text.append(bytes_of(transcript.queries.data(), transcript.queries.size()));
  core::write_file(file, text);
}

StoredGame read_transcript(const std::filesystem::path& file) {
  return parse_transcript(core::read_file(file), file.string());
}

StoredGame parse_transcript(std::string_view text, const std::string& name) {
  const std::string_view line = text.substr(0, std::min(text.find('\n'), text.size()));
  core::Json json;
  try {
    json = core::parse_json_line(line, name);
  } catch (const core::UserError&) {  // it is no JSON
  }
  if (!json.is_object() || json.value(core::member_name(&Header::format), core::Json()) != format_name)
    throw core::DataError(name + " is not a dumped game");
  StoredGame game;
  try {
    const auto header = core::from_json<Header>(json, "");
    // A damaged size must not ask for more memory than there is file.
    const std::int64_t words = (header.message_bits + 63) / 64,
                       need = std::ssize(line) + 1 + 8 * (words + header.queries * header.d), have = std::ssize(text);
    if (need != have)
      throw core::DataError(name + " is damaged: its header calls for " + std::to_string(need) +
                            " bytes, the file has " + std::to_string(have));
    game.params = header.params;
    game.message.size = header.message_bits;
    game.digest = header.answers_digest;
    game.message.words.resize(words);
    game.queries.resize(header.queries, header.d);
  } catch (const core::ConfigError& error) {
    throw core::DataError(name + " is damaged: " + error.what());
  } catch (const core::Json::exception& error) {
    throw core::DataError(name + " is damaged: " + core::json_complaint(error));
  }
  std::string_view numbers(text);
  numbers.remove_prefix(line.size() + 1);
  take(numbers, game.message.words.data(), game.message.words.size());
  take(numbers, game.queries.data(), game.queries.size());
  return game;
}

}  // namespace kvfrontier::simulator
