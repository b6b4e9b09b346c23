#include "betimes/import/npz.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/import/npy.h"
#include "betimes/import/testing/zip_of.h"

namespace betimes::import {
namespace {

// What Python's zipfile leaves when it is called as numpy.savez and savez_compressed call it
// (force_zip64, sizes in extra fields): x float32 [2, 3] of 1 to 6, y int64 [2] of 7 and 8.
const char* const python_stored =
    "504b03042d0000000000000021007c9cdea2ffffffffffffffff05001400782e6e7079010010009800000000"
    "0000009800000000000000934e554d5059010076007b276465736372273a20273c6634272c2027666f727472"
    "616e5f6f72646572273a2046616c73652c20277368617065273a2028322c2033292c207d2020202020202020"
    "2020202020202020202020202020202020202020202020202020202020202020202020202020202020202020"
    "2020202020200a0000803f0000004000004040000080400000a0400000c040504b03042d0000000000000021"
    "0020894d2bffffffffffffffff05001400792e6e70790100100090000000000000009000000000000000934e"
    "554d5059010076007b276465736372273a20273c6938272c2027666f727472616e5f6f72646572273a204661"
    "6c73652c20277368617065273a2028322c292c207d2020202020202020202020202020202020202020202020"
    "202020202020202020202020202020202020202020202020202020202020202020202020200a070000000000"
    "00000800000000000000504b01022d032d0000000000000021007c9cdea29800000098000000050000000000"
    "000000000000800100000000782e6e7079504b01022d032d00000000000000210020894d2b90000000900000"
    "000500000000000000000000008001cf000000792e6e7079504b050600000000020002006600000096010000"
    "0000";
const char* const python_deflated =
    "504b03042d0000000800000021007c9cdea2ffffffffffffffff05001400782e6e7079010010009800000000"
    "00000058000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a2aea3a09e965f5452"
    "9498179f5f94920a12774bcc294e058a17672416a402f91a463a0ac69a3a0ab50a64032e0686067b06060607"
    "2002e206205e00c4071c00504b03042d00000008000000210020894d2bffffffffffffffff05001400792e6e"
    "70790100100090000000000000004a000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e"
    "9369a1aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416a402f91a463a9a3a0ab50a1400"
    "2e760608e080d200504b01022d032d0000000800000021007c9cdea258000000980000000500000000000000"
    "00000000800100000000782e6e7079504b01022d032d00000008000000210020894d2b4a0000009000000005"
    "000000000000000000000080018f000000792e6e7079504b0506000000000200020066000000100100000000";

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

class Npz : public testing::Test {
 protected:
  std::string npy(const Tensor& tensor) const {
    write_npy(tensor, path("array.npy"));
    std::string text;
    for (const std::byte b : read_file(path("array.npy"))) text += static_cast<char>(b);
    return text;
  }
  std::string path(const std::string& name) const { return folder_.at(name); }
  std::string refusal(const std::string& what) const {
    try {
      read_numpy(what);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }

  TemporaryFolder folder_;
  const Tensor x_ = Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor y_ = Tensor::from<int64_t>({2}, {7, 8});
};

TEST_F(Npz, ReadsArraysByName) {
  for (const bool deflated : {false, true}) {
    write_file(path("a.npz"), samples::zip_of({{"x.npy", npy(x_)}, {"y.npy", npy(y_)}}, deflated));
    EXPECT_EQ(list_npz(path("a.npz")), (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(read_npz(path("a.npz"), "y").data<int64_t>()[1], 8);
    const Tensor x = read_numpy(path("a.npz:x"));
    EXPECT_EQ(x.type(), x_.type());
    EXPECT_EQ(x.data<float>()[5], 6);
  }
}

TEST_F(Npz, ReadsWhatPythonWrites) {
  for (const char* hex : {python_stored, python_deflated}) {
    write_file(path("python.npz"), bytes_of(hex));
    EXPECT_EQ(list_npz(path("python.npz")), (std::vector<std::string>{"x", "y"}));
    const Tensor x = read_npz(path("python.npz"), "x"), y = read_npz(path("python.npz"), "y");
    EXPECT_EQ(x.type(), x_.type());
    EXPECT_TRUE(std::ranges::equal(x.data<float>(), x_.data<float>()));
    EXPECT_EQ(y.type(), y_.type());
    EXPECT_TRUE(std::ranges::equal(y.data<int64_t>(), y_.data<int64_t>()));
  }
}

TEST_F(Npz, TheOnlyArrayNeedsNoName) {
  write_file(path("A.NPZ"), samples::zip_of({{"arr_0.npy", npy(y_)}}));
  EXPECT_EQ(read_numpy(path("A.NPZ")).data<int64_t>()[0], 7);
}

TEST_F(Npz, KnowsWhichPathsAreNumPys) {
  for (const char* yes : {"a.npy", "a.NPZ", "d/a.npz:x", "a.npz:x.csv"}) {
    EXPECT_TRUE(is_numpy(yes)) << yes;
  }
  for (const char* no : {"a.csv", "npz", "a.npy.gz", "a:x"}) EXPECT_FALSE(is_numpy(no)) << no;
}

TEST_F(Npz, SaysWhatIsWrong) {
  write_file(path("two.npz"), samples::zip_of({{"x.npy", npy(x_)}, {"y.npy", npy(y_)}}));
  EXPECT_EQ(refusal(path("two.npz")), path("two.npz") + ": holds 2 arrays (expected " +
                                          path("two.npz") + ":NAME with one of x, y)");
  EXPECT_EQ(refusal(path("two.npz:z")), path("two.npz") + ": holds no array 'z' (expected x, y)");
  write_file(path("none.npz"), samples::zip_of({{"x.txt", "text"}}));
  EXPECT_NE(refusal(path("none.npz")).find("holds 'x.txt', which is no array"), std::string::npos);
  write_file(path("bad.npz"), samples::zip_of({{"x.npy", "text"}}));
  EXPECT_EQ(refusal(path("bad.npz")), path("bad.npz") + ":x: isn't an .npy file");
  write_file(path("empty.npz"), "");
  EXPECT_NE(refusal(path("empty.npz")).find("is no intact NPZ file"), std::string::npos);
  EXPECT_NE(refusal(path("nowhere.npz")).find("can't be read: No such file"), std::string::npos);
}

}  // namespace
}  // namespace betimes::import
