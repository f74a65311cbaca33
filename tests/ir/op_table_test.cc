// The op table as data: what holds for every row, and the errors that are derived from the rows.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "ir/attributes.h"
#include "ir/graph.h"
#include "ir/infer.h"
#include "ir/op.h"

namespace ndl::ir::test {
namespace {

constexpr Attr kAttrs[] = {
#define NDL_X(enumerator, name) Attr::enumerator,
    NDL_FOR_EACH_ATTR(NDL_X)
#undef NDL_X
};

// The ops whose meaning is the interpreter's own business.
const std::set<Op> kGraphOps = {
#define NDL_GRAPH_OP(enumerator, ...) Op::enumerator,
#define NDL_STRUCTURAL(...)
#define NDL_COMPOSED(...)
#include "ir/structural.def"
#undef NDL_GRAPH_OP
#undef NDL_STRUCTURAL
#undef NDL_COMPOSED
};

// A value of the kind that the schema accepts; the op's own rule may want another.
AttrValue valid_value(const AttrDef& attr) {
  switch (attr.kind) {
    case AttrKind::kIntegers:
      return Dims{0};
    case AttrKind::kScalars:
      return std::vector<double>{1};
    case AttrKind::kLiteral:
      return Literal();
    case AttrKind::kRegion:
      return Region();
    default:
      return std::int64_t{0};
  }
}

AttrValue value_of_another_kind(const AttrDef& attr) {
  if (attr.kind == AttrKind::kScalars) return Dims{1};
  return std::vector<double>{1};
}

Attributes all_attributes(const OpDef& def) {
  Attributes attributes;
  for (const AttrDef& attr : def.attributes) attributes.set(attr.name, valid_value(attr));
  return attributes;
}

// The message of the VerifyError that `def` throws for so many operands and these attributes.
std::string error_of(const OpDef& def, std::size_t operands, Attributes attributes) {
  const TensorType tensor{DType::kF32, {2, 3}};
  const Type type = def.op == Op::kGetTupleElement ? Type::tuple({tensor}) : Type(tensor);
  const Type given(tensor);
  try {
    infer_type(def, std::vector<const Type*>(operands, &type), attributes,
               def.type_given ? &given : nullptr);
  } catch (const VerifyError& error) {
    return error.message();
  } catch (const Error& error) {
    return std::string("not a VerifyError: ") + error.what();
  }
  return "no error";
}

class OpTableTest : public testing::TestWithParam<std::string> {
 protected:
  const OpDef& def_ = *find_op(GetParam());
};

TEST(OpTableTest, RowsAreInTheOrderOfTheEnumerators) {
  ASSERT_EQ(all_ops().size(), static_cast<std::size_t>(kOpCount));
  for (std::size_t i = 0; i < all_ops().size(); ++i) {
    EXPECT_EQ(all_ops()[i].op, static_cast<Op>(i));
    EXPECT_EQ(&op_def(static_cast<Op>(i)), &all_ops()[i]);
  }
}

TEST(OpTableTest, NamesAreUniqueAndFound) {
  std::set<std::string_view> names;
  for (const OpDef& def : all_ops()) {
    EXPECT_TRUE(names.insert(def.name).second) << def.name;
    EXPECT_EQ(find_op(def.name), &def) << def.name;
    EXPECT_EQ(name_of(def.op), def.name);
    EXPECT_FALSE(def.name.empty());
    EXPECT_EQ(def.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789"), def.name.npos);
    EXPECT_FALSE(def.name.ends_with('_')) << def.name;
  }
  for (const char* name : {"", "ad", "Add", "add ", "and_", "addd"}) {
    EXPECT_EQ(find_op(name), nullptr) << name;
  }
}

TEST(OpTableTest, AttributeNamesAreUniqueAndSorted) {
  for (std::size_t i = 1; i < std::size(kAttrs); ++i) {
    EXPECT_LT(name_of(kAttrs[i - 1]), name_of(kAttrs[i]));
  }
}

TEST_P(OpTableTest, DocIsOneSentenceOrMoreOfOneLine) {
  EXPECT_TRUE(def_.doc.ends_with('.')) << def_.doc;
  EXPECT_EQ(def_.doc.find_first_of("\n\r\t"), def_.doc.npos);
  EXPECT_EQ(def_.doc.find("  "), def_.doc.npos) << def_.doc;
  EXPECT_LE(def_.doc.size(), 240u) << def_.doc;
}

TEST_P(OpTableTest, AttributesAndOperandsDiffer) {
  std::set<Attr> attributes;
  for (const AttrDef& attr : def_.attributes) {
    EXPECT_TRUE(attributes.insert(attr.name).second) << name_of(attr.name);
    const std::set<std::string_view> symbols(attr.symbols.begin(), attr.symbols.end());
    EXPECT_EQ(symbols.size(), attr.symbols.size());
    EXPECT_EQ(symbols.empty(), attr.kind != AttrKind::kSymbol);
  }
  const std::size_t fewest = def_.operands.size() - (def_.variadic ? 1 : 0);
  EXPECT_TRUE(def_.min_operands == def_.operands.size() || def_.min_operands == fewest);
  const std::set<std::string_view> operands(def_.operands.begin(), def_.operands.end());
  EXPECT_EQ(operands.size(), def_.operands.size());
}

TEST_P(OpTableTest, HasATypeRuleAndOneMeaning) {
  EXPECT_NE(def_.infer, nullptr);
  EXPECT_EQ(def_.expand != nullptr, def_.op_class == OpClass::kComposed);
  const bool evaluates = def_.op_class != OpClass::kComposed && !kGraphOps.contains(def_.op);
  EXPECT_EQ(def_.evaluate != nullptr, evaluates);
  EXPECT_NE(def_.dtypes, DTypeSet());
  if (!def_.is_elementwise()) return;
  EXPECT_EQ(static_cast<std::size_t>(operand_count(def_.kind)), def_.operands.size());
  EXPECT_LT(def_.sample_low, def_.sample_high);
  EXPECT_TRUE(def_.attributes.empty());
}

TEST_P(OpTableTest, AWrongNumberOfOperandsIsNamed) {
  const std::size_t expected = def_.min_operands;
  const auto message = [&](std::size_t got) {
    return fmt::format("{}: takes {}{} operand{}, got {}", def_.name,
                       def_.variadic ? "at least " : "", expected, expected == 1 ? "" : "s", got);
  };
  for (std::size_t count = 0; count <= expected + 2; ++count) {
    if (def_.variadic ? count >= expected : count == expected) continue;
    EXPECT_EQ(error_of(def_, count, all_attributes(def_)), message(count));
  }
}

TEST_P(OpTableTest, AMissingAttributeIsNamed) {
  for (const AttrDef& left_out : def_.attributes) {
    Attributes attributes;
    for (const AttrDef& attr : def_.attributes) {
      if (attr.name != left_out.name) attributes.set(attr.name, valid_value(attr));
    }
    const std::string message = error_of(def_, def_.operands.size(), attributes);
    const std::string complaint =
        fmt::format("{}: attribute '{}' is missing; it is ", def_.name, name_of(left_out.name));
    EXPECT_EQ(message.starts_with(complaint), !left_out.optional) << message;
  }
}

TEST_P(OpTableTest, AnAttributeOfAnotherKindIsNamed) {
  for (const AttrDef& attr : def_.attributes) {
    Attributes attributes = all_attributes(def_);
    attributes.set(attr.name, value_of_another_kind(attr));
    const std::string message = error_of(def_, def_.operands.size(), attributes);
    EXPECT_TRUE(message.starts_with(
        fmt::format("{}: attribute '{}' must be ", def_.name, name_of(attr.name))))
        << message;
  }
}

TEST_P(OpTableTest, ANumberThatIsNoSymbolOrDTypeIsNamed) {
  for (const AttrDef& attr : def_.attributes) {
    if (attr.kind != AttrKind::kSymbol && attr.kind != AttrKind::kDType) continue;
    const auto end = static_cast<std::int64_t>(attr.kind == AttrKind::kDType ? kDTypeCount
                                                                             : attr.symbols.size());
    for (const std::int64_t number : {end, std::int64_t{-2}}) {
      Attributes attributes = all_attributes(def_);
      attributes.set(attr.name, number);
      EXPECT_EQ(error_of(def_, def_.operands.size(), attributes),
                fmt::format("{}: attribute '{}' has no meaning for {}", def_.name,
                            name_of(attr.name), number));
    }
  }
}

TEST_P(OpTableTest, AnUnknownAttributeIsNamed) {
  for (const Attr name : kAttrs) {
    if (std::ranges::find(def_.attributes, name, &AttrDef::name) != def_.attributes.end()) continue;
    Attributes attributes = all_attributes(def_);
    attributes.set(name, std::int64_t{1});
    EXPECT_EQ(error_of(def_, def_.operands.size(), attributes),
              fmt::format("{}: there is no attribute '{}'", def_.name, name_of(name)));
  }
}

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const OpDef& def : all_ops()) names.emplace_back(def.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, OpTableTest, testing::ValuesIn(op_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ndl::ir::test
