import Graphs
import Kernels
import Tensors

/// A sum of products as Einstein wrote it: which dimensions of the operands and of the result go
/// together.
struct EinsteinEquation: Sendable {
  /// A dimension with a label, or all that an operand has left.
  private enum Term: Hashable {
    case label(Int)
    case ellipsis
  }

  /// A label for each dimension of operands and result.
  struct Labels {
    let inputs: [[Int]]
    let output: [Int]
  }

  private let inputs: [[Term]]
  private let output: [Term]

  /// An equation in which every dimension has its label.
  init(inputs: [[Int]], output: [Int]) {
    self.inputs = inputs.map { $0.map(Term.label) }
    self.output = output.map(Term.label)
  }

  /// The equation in ONNX's notation, such as `ij,jk->ik`.
  init(parsing text: String) throws(OperatorError) {
    let characters = text.filter { $0 != " " }
    let sides = characters.split(separator: "->", omittingEmptySubsequences: false)
    guard let left = sides.first, sides.count <= 2 else {
      throw OperatorError("equation '\(text)' has more than one arrow")
    }
    var inputs: [[Term]] = []
    for term in left.split(separator: ",", omittingEmptySubsequences: false) {
      inputs.append(try Self.terms(term))
    }
    let right = sides.count == 2 ? try Self.terms(sides[1]) : Self.implicitOutput(of: inputs)
    guard Set(right).count == right.count,
      Set(right).isSubset(of: Set(inputs.joined() + [.ellipsis]))
    else {
      throw OperatorError("the right side of equation '\(text)' does not follow from the left")
    }
    self.inputs = inputs
    self.output = right
  }

  /// The equation in ONNX's notation, where every dimension has its label and letters suffice.
  var text: String? {
    let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    var known: [Term: Character] = [:]
    for term in inputs.joined() where known[term] == nil {
      guard term != .ellipsis, known.count < letters.count else { return nil }
      known[term] = letters[known.count]
    }
    func text(_ terms: [Term]) -> String { String(terms.compactMap { known[$0] }) }
    return inputs.map(text).joined(separator: ",") + "->" + text(output)
  }

  /// The labels for operands of these ranks.
  func labels(ranks: [Int]) throws(OperatorError) -> Labels {
    guard ranks.count == inputs.count else {
      throw OperatorError("the equation has \(inputs.count) terms for \(ranks.count) operands")
    }
    var left: [Int] = []
    for (terms, rank) in zip(inputs, ranks) {
      let named = terms.count { $0 != .ellipsis }
      let rest = rank - named
      guard terms.count > named ? rest >= 0 : rest == 0 else {
        throw OperatorError("a term of the equation has \(named) labels for rank \(rank)")
      }
      left.append(rest)
    }
    let widest = left.max() ?? 0
    return Labels(
      inputs: zip(inputs, left).map { Self.spelledOut($0, (widest - $1)..<widest) },
      output: Self.spelledOut(output, 0..<widest))
  }

  /// The dimensions of an ellipsis have negative labels, so that they meet no letter's.
  private static func spelledOut(_ terms: [Term], _ rest: Range<Int>) -> [Int] {
    terms.flatMap { term in
      switch term {
      case .label(let label): [label]
      case .ellipsis: rest.map { -1 - $0 }
      }
    }
  }

  private static func terms(_ text: Substring) throws(OperatorError) -> [Term] {
    var terms: [Term] = []
    var rest = text
    while let first = rest.first {
      if rest.hasPrefix("..."), !terms.contains(.ellipsis) {
        terms.append(.ellipsis)
        rest = rest.dropFirst(3)
      } else if first.isASCII, first.isLetter, let code = first.asciiValue {
        terms.append(.label(Int(code)))
        rest = rest.dropFirst()
      } else {
        throw OperatorError("'\(first)' stands where a letter should in an equation")
      }
    }
    return terms
  }

  /// The dimensions that an ellipsis stands for, and the letters that occur once.
  private static func implicitOutput(of inputs: [[Term]]) -> [Term] {
    let all = inputs.joined()
    let once = all.compactMap { term -> Int? in
      guard case .label(let label) = term, all.count(where: { $0 == term }) == 1 else { return nil }
      return label
    }
    return (all.contains(.ellipsis) ? [.ellipsis] : []) + once.sorted().map(Term.label)
  }
}

extension EinsteinEquation.Labels {
  /// The extent of each label, extents of 1 giving way to others.
  func extents(of shapes: [Shape]) throws(OperatorError) -> [Int: Int] {
    var extents: [Int: Int] = [:]
    for (labels, shape) in zip(inputs, shapes) {
      for (label, extent) in zip(labels, shape) {
        let known = extents[label] ?? 1
        guard known == extent || known == 1 || extent == 1 else {
          throw OperatorError("a label of the equation stands for \(known) and for \(extent)")
        }
        extents[label] = known == 1 ? extent : known
      }
    }
    return extents
  }
}
