// A scheme from outside the tree: two programs that speak the protocol of docs/process_scheme.md. Alice's streams the
// tokens and writes the message; Bob's is started by Bob and is told the public parameters and the message alone.

#include <algorithm>
#include <bit>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "core/errors.hpp"
#include "core/ids.hpp"
#include "core/program.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::schemes::process {
namespace {

static_assert(std::endian::native == std::endian::little, "the protocol is little-endian, and so is what we write");

constexpr int protocol = 1;
constexpr const char* command_form = "a list of words: a program on PATH or the path of one, and its arguments";

using Words = std::vector<std::string>;

bool are_words(const core::Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const core::Json& word) { return word.is_string(); });
}

// What both programs know before any coin is drawn.
core::Json shape_of(const PublicParams& params, const char* role) {
  return {{"protocol", protocol},
          {"role", role},
          {"schedule", params.schedule.name()},
          {"sides", params.schedule.sides()},
          {"tokens", params.tokens()},
          {"d", params.d},
          {"chunk", params.chunk},
          {"embedding", params.embedding},
          {"keys", params.options.at("keys")},
          {"options", params.options.at("options")},
          {"budget_bits", params.budget_bits ? core::Json(*params.budget_bits) : core::Json()}};
}

// Frames: eight bytes of length, then so many bytes.
void send_frame(core::Program& program, const void* data, std::uint64_t size, const std::string& what) {
  program.send(&size, sizeof(size), what);
  program.send(data, size, what);
}
void send_frame(core::Program& program, const core::Json& json, const std::string& what) {
  const std::string text = json.dump();
  send_frame(program, text.data(), text.size(), what);
}
void receive_frame(core::Program& program, void* data, std::uint64_t size, const std::string& what) {
  std::uint64_t announced;
  program.receive(&announced, sizeof(announced), what);
  if (announced != size) {
    const char* const bytes = reinterpret_cast<const char*>(&announced);
    const bool text = std::all_of(bytes, bytes + sizeof(announced),
                                  [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\t' || c == '\r'; });
    program.complain(text ? "wrote the text " + core::Json(std::string(bytes, sizeof(announced))).dump() +
                                "... where " + what + " should begin: stdout is for the protocol, print to stderr"
                          : "announced " + std::to_string(announced) + " bytes of " + what + " where " +
                                std::to_string(size) + " are due");
  }
  program.receive(data, size, what);
}

Words words_of(const PublicParams& params, const char* role) {
  return params.options.at(role).get<Words>();
}

// The encoder with the shape sent and its answer, the length of its message, read.
std::unique_ptr<core::Program> sized_encoder(const PublicParams& params, std::uint64_t& bits) {
  auto program = std::make_unique<core::Program>(words_of(params, "encoder"), params.options.at("seconds"));
  send_frame(*program, shape_of(params, "encode"), "the shape");
  receive_frame(*program, &bits, sizeof(bits), "the length of its message");
  return program;
}

// Coins and public keys: what both programs know of the trial.
void send_coins(core::Program& program, const PublicParams& params) {
  send_frame(program, core::Json{{"tau", params.tau}, {"key", params.key.value}}, "the coins");
  core::RowMatrixF keys;
  if (!stores_keys(params)) {
    keys.resize(params.tokens(), params.d);
    params.keys().rows(params.key, params.tokens(), 0, keys);
  }
  send_frame(program, keys.data(), static_cast<std::uint64_t>(keys.size()) * sizeof(float), "the public keys");
}

class ProcessEncoder : public Encoder {
 public:
  explicit ProcessEncoder(const PublicParams& params) : d_(params.d) {
    const core::Json& declared = params.options.at("bits");
    program_ = sized_encoder(params, bits_);
    if (declared != bits_)
      program_->complain("says that its message has " + std::to_string(bits_) + " bits; it said " +
                         core::describe(declared) + " for the same shape when the config was read");
    send_coins(*program_, params);
  }

  void absorb(const TokenBlock& block) override {
    core::RowMatrixF rows(2 * block.count(), d_);
    rows << block.keys, block.values;
    send_frame(*program_, rows.data(), static_cast<std::uint64_t>(rows.size()) * sizeof(float), "all tokens");
  }
  std::uint64_t state_bits() const override { return bits_; }

  // Ends the stream: the program writes its message once.
  void write(core::BitWriter& writer) const override {
    if (!written_) {
      written_ = true;
      send_frame(*program_, nullptr, 0, "the end of the tokens");
      message_.resize((bits_ + 7) / 8);
      receive_frame(*program_, message_.data(), message_.size(), "its message");
      if (bits_ % 8 != 0 && message_.back() >> bits_ % 8 != 0)
        program_->complain("wrote ones behind the last bit of its message: the padding of the last byte is 0");
      program_->finish();
    }
    writer.section("message");
    for (std::uint64_t bit = 0; bit < bits_; bit += 8)
      writer.put(message_[bit / 8], static_cast<int>(std::min<std::uint64_t>(8, bits_ - bit)));
  }

 private:
  Index d_;
  std::uint64_t bits_ = 0;
  std::unique_ptr<core::Program> program_;
  mutable bool written_ = false;
  mutable std::vector<std::uint8_t> message_;
};

class ProcessDecoder : public Decoder {
 public:
  ProcessDecoder(const PublicParams& params, core::BitReader reader)
      : params_(params), bits_(params.options.at("bits").get<std::uint64_t>()) {
    for (std::uint64_t bit = 0; bit < bits_; bit += 8)
      message_.push_back(
          static_cast<std::uint8_t>(reader.get(static_cast<int>(std::min<std::uint64_t>(8, bits_ - bit)))));
  }

  // A fresh program for every batch of queries: what it answered before is not in its memory.
  core::RowMatrixD attend(core::RowsViewD queries) const override {
    core::Program program(words_of(params_, "decoder"), params_.options.at("seconds"));
    core::Json shape = shape_of(params_, "decode");
    shape["message_bits"] = bits_;
    send_frame(program, shape, "the shape");
    send_coins(program, params_);
    send_frame(program, message_.data(), message_.size(), "the message");
    const core::RowMatrixD flat = queries;
    send_frame(program, flat.data(), static_cast<std::uint64_t>(flat.size()) * sizeof(double), "the queries");
    core::RowMatrixD answers(queries.rows(), params_.d);
    receive_frame(program, answers.data(), static_cast<std::uint64_t>(answers.size()) * sizeof(double), "its answers");
    program.finish();
    if (!answers.allFinite()) program.complain("answered with a number that is not finite");
    return answers;
  }

 private:
  PublicParams params_;
  std::uint64_t bits_;
  std::vector<std::uint8_t> message_;
};

class Process : public Scheme {
 public:
  std::string name() const override { return "process"; }
  std::string summary() const override {
    return "two programs from outside, an encoder and a decoder, that speak a binary protocol on stdin and stdout "
           "(docs/process_scheme.md); only the message is counted, not what the encoder holds while it streams";
  }
  std::string paper() const override { return "-"; }
  std::string guarantee() const override { return "none"; }
  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::structured("encoder", {}, command_form,
                           "Alice's program; relative paths are relative to the working directory")
            .needed(),
        Option::structured("decoder", {}, command_form, "Bob's program").needed(),
        Option::structured("options", core::Json::object(), "an object",
                           "handed to both programs as it stands, for options of their own"),
        Option::structured("files", core::Json::array(), "a list of files",
                           "files that the programs read beside those that their words name, such as modules and "
                           "weights: part of the digest"),
        keys_option(),
        Option::real("seconds", 60.0, 0.01, 1e6, "a program that has not ended so long after its start is killed"),
        Option::integer("bits", {}, 0, 9'000'000'000'000'000,
                        "length of the message. The encoder says it, for the budget or, without a rate, for itself")
            .sized(),
        Option::choice("digest", "", {},
                       "XXH3-128 of the programs' files, filled in: edited programs are other points. When given, the "
                       "files must have it")};
    return table;
  }

  bool has_own_size() const override { return true; }

  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    const core::Json& bits = params.options.at("bits");
    // Nobody has asked the program what it sends of no tokens.
    if (bits.is_null() || params.tokens() == 0) return std::nullopt;
    return bits.get<std::uint64_t>();
  }

  core::Json settled(const PublicParams& params, const std::string& path) const override {
    core::Json options = params.options;
    for (const char* role : {"encoder", "decoder"}) require_program(options.at(role), core::join_path(path, role));
    const core::Json& own = options.at("options");
    if (!own.is_object()) throw core::ConfigError(core::join_path(path, "options"), core::describe(own), "an object");
    const core::Json& files = options.at("files");
    const std::string files_path = core::join_path(path, "files");
    if (!files.is_array()) throw core::ConfigError(files_path, core::describe(files), "a list of files");
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (!files[i].is_string() || !std::filesystem::is_regular_file(files[i].get<std::string>()))
        throw core::ConfigError(files_path + "[" + std::to_string(i) + "]", core::describe(files[i]),
                                "a file that is there, relative to the working directory");
    }
    const std::string digest = digests_.of(options);
    if (options.at("digest") != "" && options.at("digest") != digest)
      throw core::ConfigError(core::join_path(path, "digest"), core::describe(options.at("digest")),
                              '"' + digest + "\", which is that of the files as they are, or nothing");
    options["digest"] = digest;
    if (options.at("bits").is_null() && !params.budget_bits) {
      PublicParams asked = params;
      asked.options = options;
      if (const Said said = lengths_.of(asked); said.failure.empty()) options["bits"] = said.bits;
    }
    return options;
  }

  // A program that cannot tell its length is a failed row: what ails it may be of this point alone.
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    PublicParams asked = params;
    asked.budget_bits = budget_bits;
    const Said said = lengths_.of(asked);
    if (!said.failure.empty()) return {std::nullopt, 0, said.failure};
    if (said.bits > budget_bits) return {std::nullopt, said.bits};
    core::Json options = params.options;
    options["bits"] = said.bits;
    return {options, 0};
  }

  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    // Here and not in Bob, whose program is started right after.
    if (digests_.of(params.options) != params.options.at("digest"))
      throw core::ProgramError("the programs' files are not those that the config was read with");
    if (params.options.at("bits").is_null()) {
      if (const Said said = lengths_.of(params); !said.failure.empty()) throw core::ProgramError(said.failure);
    }
    return std::make_unique<ProcessEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<ProcessDecoder>(params, std::move(reader));
  }

  // Two interpreters start.
  double operations(const PublicParams& params, Index queries) const override {
    return Scheme::operations(params, queries) + 1e9;
  }

 private:
  static void require_program(const core::Json& command, const std::string& path) {
    if (!are_words(command)) throw core::ConfigError(path, core::describe(command), command_form);
    const std::string word = command[0];
    if (!core::find_program(word).empty()) return;
    const bool there = word.find('/') != std::string::npos && std::filesystem::exists(word);
    throw core::ConfigError(path + "[0]", core::describe(command[0]) + (there ? ", which may not be executed" : ""),
                            word.find('/') == std::string::npos
                                ? "a program on PATH, or the path of one with a slash in it"
                                : "the path of an executable file, relative to the working directory");
  }

  // XXH3-128 of every file that a word of a command or `files` names. A program found on PATH is the machine's, as its
  // libraries are.
  class Digests {
   public:
    std::string of(const core::Json& options) {
      std::string text;
      for (const char* list : {"encoder", "decoder", "files"}) {
        for (const core::Json& word : options.at(list)) text += of_file(word.get<std::string>()) + '\n';
        text += '\n';
      }
      return core::hash128_hex(text);
    }

   private:
    // Weights may be large and a search resolves hundreds of points: a file is read when it has changed.
    std::string of_file(const std::string& word) {
      std::error_code error;
      if (word.empty() || !std::filesystem::is_regular_file(word, error)) return "";
      const auto state = std::pair(std::filesystem::last_write_time(word), std::filesystem::file_size(word));
      const std::lock_guard lock(mutex_);
      auto& known = known_[word];
      if (known.second.empty() || known.first != state) {
        std::ifstream stream(word, std::ios::binary);
        std::stringstream text;
        text << stream.rdbuf();
        known = {state, core::hash128_hex(text.str())};
      }
      return known.second;
    }

    std::mutex mutex_;
    std::map<std::string, std::pair<std::pair<std::filesystem::file_time_type, std::uintmax_t>, std::string>> known_;
  };

  // What encoders said: the length, or how they failed to tell. A function of shape and program, asked once for each.
  struct Said {
    std::uint64_t bits = 0;
    std::string failure{};
  };
  class Lengths {
   public:
    Said of(const PublicParams& params) {
      const std::string question =
          core::Json{shape_of(params, "encode"), params.options.at("encoder"), params.options.at("digest")}.dump();
      {
        const std::lock_guard lock(mutex_);
        if (const auto known = known_.find(question); known != known_.end()) return known->second;
      }
      Said said;
      try {
        sized_encoder(params, said.bits);
      } catch (const core::ProgramError& error) {
        said.failure = error.what();
      }
      const std::lock_guard lock(mutex_);
      return known_.emplace(question, said).first->second;
    }

   private:
    std::mutex mutex_;
    std::map<std::string, Said> known_;
  };

  mutable Digests digests_;
  mutable Lengths lengths_;
};

const core::Registration<Scheme, Process> registration;

}  // namespace
}  // namespace kvfrontier::schemes::process
