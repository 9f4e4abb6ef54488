// A scheme from outside the tree: two programs that speak the protocol of docs/process_scheme.md. Alice's program takes
// the tokens as a stream and writes the message. Bob starts his program, which is told only the public parameters and
// the message.

#include <fcntl.h>

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>

#include "core/errors.hpp"
#include "core/files.hpp"
#include "core/ids.hpp"
#include "core/program.hpp"
#include "schemes/protocol.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::schemes::process {

static_assert(std::endian::native == std::endian::little, "the protocol is little-endian, and so is what we write");

constexpr const char* command_form = "a list of words: a program on PATH or the path of one, and its arguments";
constexpr const char* file_form = "a file that is there, relative to the working directory";

// A program and its arguments.
struct Command {
  std::vector<std::string> words;
};
// Files that programs read.
struct Files {
  std::vector<std::string> names;
};

}  // namespace kvfrontier::schemes::process

template <>
struct kvfrontier::core::JsonForm<kvfrontier::schemes::process::Command> {
  using Command = schemes::process::Command;
  static void describe(Option& option) {
    option.type = Option::Type::structured;
    option.allowed = schemes::process::command_form;
  }
  static Json to_json(const Command& command) { return command.words.empty() ? Json() : Json(command.words); }
  static Command from_json(const Json& json, const std::string& path) {
    const auto is_word = [](const Json& word) { return word.is_string(); };
    if (!json.is_array() || json.empty() || !std::all_of(json.begin(), json.end(), is_word))
      throw ConfigError(path, core::describe(json), schemes::process::command_form);
    return {json.get<std::vector<std::string>>()};
  }
};

template <>
struct kvfrontier::core::JsonForm<kvfrontier::schemes::process::Files> {
  using Files = schemes::process::Files;
  static void describe(Option& option) {
    option.type = Option::Type::structured;
    option.allowed = "a list of files";
  }
  static Json to_json(const Files& files) { return files.names; }
  static Files from_json(const Json& json, const std::string& path) {
    if (!json.is_array()) throw ConfigError(path, core::describe(json), "a list of files");
    Files files;
    for (const Json& name : json) {
      if (!name.is_string())
        throw ConfigError(path + "[" + std::to_string(files.names.size()) + "]", core::describe(name),
                          schemes::process::file_form);
      files.names.push_back(name);
    }
    return files;
  }
};

namespace kvfrontier::schemes::process {
namespace {

struct ProcessOptions {
  Command encoder, decoder;
  core::JsonText options{core::Json::object()};
  Files files;
  Keys keys = Keys::stored;
  double seconds = 60;
  std::optional<Bits> bits;
  std::string digest;

  static core::MemberList<ProcessOptions> members() {
    using core::member;
    return {
        member("encoder", &ProcessOptions::encoder,
               "Alice's program; relative paths are relative to the working directory")
            .needed(),
        member("decoder", &ProcessOptions::decoder, "Bob's program").needed(),
        member("options", &ProcessOptions::options, "passed on to both programs unchanged, for options of their own")
            .allowed("an object"),
        member("files", &ProcessOptions::files,
               "files that the programs read besides those that their words name, such as modules and weights: part "
               "of the digest"),
        keys_member(&ProcessOptions::keys),
        member("seconds", &ProcessOptions::seconds, "a program that has not ended so long after its start is killed")
            .range(0.01, 1e6),
        member("bits", &ProcessOptions::bits,
               "length of the message. The encoder names it, for the budget or, without a rate, by itself")
            .range(0, most_bits)
            .sized(),
        member("digest", &ProcessOptions::digest,
               "XXH3-128 of the programs' files, filled in: edited programs are other points. When given, the files "
               "must have it")};
  }
};

const ProcessOptions& options_of(const PublicParams& params) {
  return params.options.as<ProcessOptions>();
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
          {"keys", core::enum_name(options_of(params).keys)},
          {"options", options_of(params).options.parsed()},
          {"budget_bits", params.budget_bits ? core::Json(*params.budget_bits) : core::Json()}};
}

// A frame is eight bytes of length and then so many bytes.
void send_frame(core::Program& program, const void* data, std::uint64_t size, const std::string& what) {
  program.send(&size, sizeof(size), what);
  program.send(data, size, what);
}
void send_frame(core::Program& program, const core::Json& json, const std::string& what) {
  const std::string text = json.dump();
  send_frame(program, text.data(), text.size(), what);
}

// What a program says on its stdout.
class Running : public Speaker {
 public:
  explicit Running(core::Program& program) : program_(program) {}
  void receive(void* data, std::size_t size, const std::string& what) override { program_.receive(data, size, what); }
  std::vector<std::uint8_t> receive(std::uint64_t size, const std::string& what) override {
    return program_.receive(size, what);
  }
  [[noreturn]] void complain(const std::string& what) override { program_.complain(what); }

 private:
  core::Program& program_;
};

// The encoder after it has been sent the shape and has answered with the length of its message.
std::unique_ptr<core::Program> sized_encoder(const PublicParams& params, Bits& bits) {
  auto program = std::make_unique<core::Program>(options_of(params).encoder.words, options_of(params).seconds);
  send_frame(*program, shape_of(params, "encode"), "the shape");
  Running speaker(*program);
  bits = receive_length(speaker);
  return program;
}

// Sends coins and public keys: what both programs know about the trial.
void send_coins(core::Program& program, const PublicParams& params) {
  send_frame(program, core::Json{{"tau", params.tau}, {"coins", params.coins.value}}, "the coins");
  core::RowMatrixF keys;
  if (options_of(params).keys == Keys::open) {
    keys.resize(params.tokens(), params.d);
    params.keys().rows(params.coins, params.tokens(), 0, keys);
  }
  send_frame(program, keys.data(), keys.size() * sizeof(float), "the public keys");
}

class ProcessEncoder : public Encoder {
 public:
  explicit ProcessEncoder(const PublicParams& params) : d_(params.d) {
    const std::optional<Bits> declared = options_of(params).bits;
    program_ = sized_encoder(params, bits_);
    if (declared != bits_)
      program_->complain("says that its message has " + std::to_string(bits_) + " bits; it said " +
                         (declared ? std::to_string(*declared) : "null") +
                         " for the same shape when the config was read");
    send_coins(*program_, params);
  }

  void absorb(const TokenBlock& block) override {
    core::RowMatrixF rows(2 * block.count(), d_);
    rows << block.keys, block.values;
    send_frame(*program_, rows.data(), rows.size() * sizeof(float), "all tokens");
  }
  Bits state_bits() const override { return bits_; }

  // Ends the stream: the program writes its message once.
  void write(core::BitWriter& writer) const override {
    if (!written_) {
      written_ = true;
      send_frame(*program_, nullptr, 0, "the end of the tokens");
      Running speaker(*program_);
      message_ = receive_message(speaker, bits_);
      program_->finish();
    }
    writer.section("message");
    for (Bits bit = 0; bit < bits_; bit += 8) writer.put(message_[bit / 8], std::min<Bits>(8, bits_ - bit));
  }

 private:
  Index d_;
  Bits bits_ = 0;
  std::unique_ptr<core::Program> program_;
  mutable bool written_ = false;
  mutable std::vector<std::uint8_t> message_;
};

class ProcessDecoder : public Decoder {
 public:
  ProcessDecoder(const PublicParams& params, core::BitReader reader)
      : params_(params), bits_(options_of(params).bits.value()) {
    for (Bits bit = 0; bit < bits_; bit += 8) message_.push_back(reader.get(std::min<Bits>(8, bits_ - bit)));
  }

  // Starts a fresh program for every batch of queries, so it cannot remember earlier answers.
  core::RowMatrixD attend(core::RowsViewD queries) const override {
    core::Program program(options_of(params_).decoder.words, options_of(params_).seconds);
    core::Json shape = shape_of(params_, "decode");
    shape["message_bits"] = bits_;
    send_frame(program, shape, "the shape");
    send_coins(program, params_);
    send_frame(program, message_.data(), message_.size(), "the message");
    const core::RowMatrixD flat = queries;
    send_frame(program, flat.data(), flat.size() * sizeof(double), "the queries");
    Running speaker(program);
    core::RowMatrixD answers = receive_answers(speaker, queries.rows(), params_.d);
    program.finish();
    require_finite(speaker, answers);
    return answers;
  }

 private:
  PublicParams params_;
  Bits bits_;
  std::vector<std::uint8_t> message_;
};

class Process : public Scheme, public OutsidePrograms {
 public:
  std::string name() const override { return "process"; }
  std::string summary() const override {
    return "two programs from outside, an encoder and a decoder, that speak a binary protocol on stdin and stdout "
           "(docs/process_scheme.md); only the message is counted, not what the encoder holds while it streams";
  }
  std::string paper() const override { return "-"; }
  std::string guarantee() const override { return "none"; }
  const core::OptionTable& options() const override { return core::table_of<ProcessOptions>(); }
  const OutsidePrograms* outside() const override { return this; }

  std::optional<Bits> message_bits(const PublicParams& params) const override {
    // Nobody has asked the program what it sends of no tokens.
    if (params.tokens() == 0) return std::nullopt;
    return options_of(params).bits;
  }

  core::Options settled(const PublicParams& params, const std::string& path) const override {
    ProcessOptions options = options_of(params);
    require_program(options.encoder, core::join_path(path, "encoder"));
    require_program(options.decoder, core::join_path(path, "decoder"));
    if (const core::Json own = options.options.parsed(); !own.is_object())
      throw core::ConfigError(core::join_path(path, "options"), core::describe(own), "an object");
    for (Index i = 0; i < std::ssize(options.files.names); ++i) {
      const std::string& name = options.files.names[i];
      if (!std::filesystem::is_regular_file(name))
        throw core::ConfigError(core::join_path(path, "files") + "[" + std::to_string(i) + "]", core::describe(name),
                                file_form);
    }
    const std::string digest = digests_.of(options);
    if (!options.digest.empty() && options.digest != digest)
      throw core::ConfigError(core::join_path(path, "digest"), core::describe(options.digest),
                              '"' + digest + "\", which is that of the files as they are, or nothing");
    options.digest = digest;
    if (!options.bits && !params.budget_bits) {
      PublicParams asked = params;
      asked.options = options;
      if (const Said said = lengths_.of(asked); said.failure.empty()) options.bits = said.bits;
    }
    return options;
  }

  std::string failure(const PublicParams& params) const override { return lengths_.of(params).failure; }

  // Finds nothing when the program cannot tell its length; failure() says why.
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    PublicParams asked = params;
    asked.budget_bits = budget_bits;
    const Said said = lengths_.of(asked);
    if (!said.failure.empty()) return {std::nullopt, 0};
    if (said.bits > budget_bits) return {std::nullopt, said.bits};
    ProcessOptions options = options_of(params);
    options.bits = said.bits;
    return {options, 0};
  }

  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    // Checked here and not by Bob, who starts his program right after.
    if (digests_.of(options_of(params)) != options_of(params).digest)
      throw core::ProgramError("the programs' files are not those that the config was read with");
    if (!options_of(params).bits) {
      if (const std::string why = failure(params); !why.empty()) throw core::ProgramError(why);
    }
    return std::make_unique<ProcessEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<ProcessDecoder>(params, std::move(reader));
  }

  // Adds the start of two interpreters.
  double operations(const PublicParams& params, Index queries) const override {
    return Scheme::operations(params, queries) + 1e9;
  }

 private:
  static void require_program(const Command& command, const std::string& path) {
    const std::string& word = command.words.at(0);
    if (!core::find_program(word).empty()) return;
    const bool is_path = word.find('/') != std::string::npos, there = is_path && std::filesystem::exists(word);
    throw core::ConfigError(path + "[0]", core::describe(word) + (there ? ", which may not be executed" : ""),
                            is_path ? "the path of an executable file, relative to the working directory"
                                    : "a program on PATH, or the path of one with a slash in it");
  }

  // XXH3-128 of every file that a word of a command or `files` names. A program found on PATH belongs to the machine,
  // like its libraries, and is not part of the digest.
  class Digests {
   public:
    std::string of(const ProcessOptions& options) {
      std::string text;
      for (const auto* list : {&options.encoder.words, &options.decoder.words, &options.files.names}) {
        for (const std::string& word : *list) text += of_file(word) + '\n';
        text += '\n';
      }
      return core::hash128_hex(text);
    }

   private:
    // Weights may be large and a search resolves hundreds of points, so a file is read only when it has changed.
    std::string of_file(const std::string& word) {
      std::error_code error;
      if (word.empty() || !std::filesystem::is_regular_file(word, error)) return "";
      const auto state = std::pair(std::filesystem::last_write_time(word), std::filesystem::file_size(word));
      const std::lock_guard lock(mutex_);
      auto& known = known_[word];
      if (known.second.empty() || known.first != state) {
        core::File file(word, O_RDONLY);
        std::string text(state.second, '\0');
        std::size_t have = 0;
        while (const std::size_t count = file.read(text.data() + have, text.size() - have)) have += count;
        if (have < text.size()) throw core::UserError("cannot read " + word + ": another program has cut it off");
        known = {state, core::hash128_hex(text)};
      }
      return known.second;
    }

    std::mutex mutex_;
    std::map<std::string, std::pair<std::pair<std::filesystem::file_time_type, std::uintmax_t>, std::string>> known_;
  };

  // What an encoder said: the length, or how it failed to tell. A function of shape and program, asked for once.
  struct Said {
    Bits bits = 0;
    std::string failure{};
  };
  class Lengths {
   public:
    Said of(const PublicParams& params) {
      const std::string question =
          core::Json{shape_of(params, "encode"), options_of(params).encoder.words, options_of(params).digest}.dump();
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
