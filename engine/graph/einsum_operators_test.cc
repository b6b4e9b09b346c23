// Einsum: every assignment of numbers to the letters, one after the other.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

struct Case {
  std::string equation;
  std::string
      spelled;  // the same with a letter for each axis that an ellipsis stands for, and "->"
};

const std::vector<Case> cases = {
    {"ij,jk->ik", "ij,jk->ik"},
    {"ij,jk", "ij,jk->ik"},
    {"ba,ac", "ba,ac->bc"},
    {"ij", "ij->ij"},
    {"ji", "ji->ij"},
    {"ij->", "ij->"},
    {"i,i->", "i,i->"},
    {"ii->i", "ii->i"},
    {"ii", "ii->"},
    {"iji->j", "iji->j"},
    {"i,j->ij", "i,j->ij"},
    {"bij,bjk->bik", "bij,bjk->bik"},
    {" b i j , b j k -> b i k ", "bij,bjk->bik"},
    {"bhqd,bhkd->bhqk", "bhqd,bhkd->bhqk"},
    {"ij,jk,kl->il", "ij,jk,kl->il"},
    {"...ij->...ji", "xyij->xyji"},
    {"...ij,...jk->...ik", "xij,xjk->xik"},
    {"...ij,...jk", "xyij,xyjk->xyik"},
    {"i...,i...->...", "ixy,ixy->xy"},
    {"Aa,aB->AB", "Aa,aB->AB"},
    {"abc,abc,abc->b", "abc,abc,abc->b"},
};

std::vector<std::string> terms_of(const std::string& text) {
  std::vector<std::string> terms;
  std::istringstream stream(text);
  for (std::string term; std::getline(stream, term, ',');) terms.push_back(term);
  return terms;
}

Array reference(const std::string& spelled, const std::vector<Tensor>& tensors) {
  const size_t arrow = spelled.find("->");
  const auto terms = terms_of(spelled.substr(0, arrow));
  std::string letters = spelled.substr(arrow + 2);
  const size_t kept = letters.size();
  std::vector<Array> arrays;
  std::map<char, int64_t> extents;
  for (size_t i = 0; i < terms.size(); ++i) {
    arrays.emplace_back(tensors[i]);
    for (size_t axis = 0; axis < terms[i].size(); ++axis) {
      extents[terms[i][axis]] = std::max(extents[terms[i][axis]], arrays[i].extent(axis));
      if (letters.find(terms[i][axis]) == std::string::npos) letters += terms[i][axis];
    }
  }
  Shape all;
  for (const char letter : letters) all.push_back(extents[letter]);
  Array result(Shape(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept)));
  each_index(all, [&](const Index& at) {
    double product = 1;
    for (size_t i = 0; i < terms.size(); ++i) {
      Index own;
      for (size_t axis = 0; axis < terms[i].size(); ++axis) {
        own.push_back(arrays[i].extent(axis) == 1 ? 0 : at[letters.find(terms[i][axis])]);
      }
      product *= arrays[i](own);
    }
    result(Index(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(kept))) += product;
  });
  return result;
}

TEST(EinsumOperators, Einsum_SumsProductsOverTheLettersThatAreGone) {
  Random random(110);
  for (const DType dtype : types_of("Einsum")) {
    for (const Case& c : cases) {
      for (int round = 0; round < 3; ++round) {
        std::map<char, int64_t> extents;
        for (const char letter : c.spelled)
          extents[letter] = between(random, round == 0 ? 0 : 1, 4);
        std::vector<Tensor> tensors;
        Call call{"Einsum", {}, {{"equation", c.equation}}};
        for (const std::string& term : terms_of(c.spelled.substr(0, c.spelled.find("->")))) {
          Shape shape;
          for (const char letter : term) shape.push_back(extents[letter]);
          tensors.push_back(random_tensor(random, dtype, shape, -1, 1));
          call.inputs.push_back(tensors.back());
        }
        SCOPED_TRACE(c.equation + " " + call.describe());
        expect_close(run(call)[0], dtype, reference(c.spelled, tensors), 64);
      }
    }
  }
}

TEST(EinsumOperators, Einsum_RepeatsExtentsOfOne) {
  Random random(111);
  const std::vector<Tensor> tensors = {random_tensor(random, DType::f32, {2, 1, 3, 4}),
                                       random_tensor(random, DType::f32, {5, 4, 2})};
  const Call call{"Einsum", {tensors[0], tensors[1]}, {{"equation", std::string("...ij,...jk")}}};
  const Array right = reference("abij,cbjk->abik", {tensors[0], tensors[1].reshaped({1, 5, 4, 2})});
  const Tensor found = run(call)[0];
  EXPECT_EQ(found.shape(), (Shape{2, 5, 3, 2}));
  expect_close(found, DType::f32, right, 64);
}

TEST(EinsumOperators, Einsum_RefusesEquationsThatMakeNoSense) {
  const Tensor x(DType::f32, {2, 3});
  const auto with = [&](const std::string& equation) {
    return Call{"Einsum", {x, x}, {{"equation", equation}}};
  };
  EXPECT_NO_THROW(run(with("ij,ij->j")));
  expect_refused(with("ij->ij"), "1 terms");
  expect_refused(with("ij,ij,ij"), "3 terms");
  expect_refused(with("ijk,ij"), "3 dimensions");
  expect_refused(with("ij,ji"), "one extent for each label");
  expect_refused(with("ij,ij->k"), "label twice or from nowhere");
  expect_refused(with("ij,ij->ii"), "label twice or from nowhere");
  expect_refused(with("i1,ij"), "letters");
  const Tensor cube(DType::f32, {64, 64, 64});
  expect_refused({"Einsum", {cube, cube, cube}, {{"equation", std::string("abc,def,ghi->")}}},
                 "absurd");
  expect_refused({"Einsum", {x, Tensor(DType::f64, {2, 3})}, {{"equation", std::string("ij,ij")}}},
                 "float32");
}

}  // namespace
}  // namespace betimes::graph
