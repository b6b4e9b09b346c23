#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "betimes/tensor/tensor.h"

namespace betimes::bench {

/// A process that runs models with ONNX Runtime when told to (bench/peers/ort.js). Sessions in it
/// have a name each ("slot"). Every call throws Error when the process answers with a failure or is
/// gone.
class Peer {
 public:
  struct Signature {
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
  };

  /// Starts `node script packages`, where `packages` is the node_modules folder that has
  /// onnxruntime-node.
  Peer(const std::string& script, const std::string& packages);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Loads a model. Its main thread is pinned to the first CPU and the session's workers to the
  /// following ones, as our own team is. `profile`, when not empty, is where the session writes
  /// its own profile: a prefix of the file's name.
  Signature open(const std::string& slot, const std::string& model, int threads,
                 const std::string& profile = {});
  void set_input(const std::string& slot, const std::string& name, const TensorView& value);
  /// Runs once and keeps the outputs' buffers for later runs.
  void prepare(const std::string& slot);
  /// Milliseconds of each of `count` runs.
  std::vector<double> run(const std::string& slot, int64_t count);
  Tensor output(const std::string& slot, const std::string& name);
  void close(const std::string& slot);

  const std::string& version() const { return version_; }

 private:
  struct Pipes;
  std::string exchange(const std::string& line, const void* bytes = nullptr, size_t count = 0);

  std::unique_ptr<Pipes> pipes_;
  pid_t process_ = -1;
  std::string version_;
};

/// CPUs of this process's affinity mask, as it was when first asked.
const std::vector<int>& own_cpus();

}  // namespace betimes::bench
