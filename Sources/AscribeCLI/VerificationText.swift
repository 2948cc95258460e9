import Ascribe
import Foundation

/// What `verify` found, as one JSON object or as text.
struct VerificationReport: Encodable {
  let verification: Verification
  let seed: UInt64
  var model: String?
  var precision = Precision.float64
  var saved: [SavedOutput] = []
  var function: FunctionFacts?
  var inputs: [String] = []
  var layer: String?
  var baseline = "zero"
  var isTargetGiven = false

  private enum CodingKeys: CodingKey {
    case model, precision, seed, saved, function, inputs, layer, baseline, axioms, methods, verdicts
  }

  /// Writes every key, with null for what there is only of a model.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(model, forKey: .model)
    try container.encode(precision.rawValue, forKey: .precision)
    try container.encode(seed, forKey: .seed)
    try container.encode(saved, forKey: .saved)
    try container.encode(function, forKey: .function)
    try container.encode(inputs, forKey: .inputs)
    try container.encode(layer, forKey: .layer)
    try container.encode(baseline, forKey: .baseline)
    try container.encode(verification.axioms, forKey: .axioms)
    try container.encode(verification.methods, forKey: .methods)
    try container.encode(verification.verdicts, forKey: .verdicts)
  }
}

extension VerificationReport {
  /// The facts, the table, and why there are no marks and the counter-examples.
  var text: String {
    let reasons = reasons
    var parts = [Console.table(model == nil ? networks : facts), table + "\n" + Self.legend]
    if !reasons.isEmpty { parts.append(Console.table(reasons)) }
    let details = details
    if !details.isEmpty {
      parts.append(
        "counter-examples, and what holds on average only:\n" + details.joined(separator: "\n"))
    }
    return parts.joined(separator: "\n\n")
  }

  private static let legend =
    "✓ no counter-example  ~ only in expectation  ✗ counter-example  - no verdict  … no time left"

  private var networks: [[String]] {
    Verification.referenceNetworks.map { [$0.name, $0.formula] }
  }

  private var facts: [[String]] {
    var rows = [["model", "\(model ?? ""), in \(precision.rawValue)"]]
    if saved.isEmpty {
      rows.append(["saved outputs", "none beside the model: what it computes is not checked"])
    }
    rows += saved.map {
      ["saved outputs", "\($0.source): '\($0.output)' agrees, \(Self.short($0.error)) off"]
    }
    guard let function else { return rows }
    let part = layer.map { "from '\($0)' on: " } ?? ""
    if let degree = function.degree, let error = function.scalingError {
      let text = "\(part)yes, of degree \(degree): F(2x) is \(Self.short(error)) off"
      rows.append(["homogeneous", text])
    } else {
      rows.append(["homogeneous", "\(part)no"])
    }
    for (input, target) in zip(inputs, function.targets) {
      let start = baseline == "zero" ? "the zero baseline" : "baseline \(baseline)"
      let text = "\(input); score \(target)\(isTargetGiven ? "," : " changes most") from \(start)"
      rows.append(["input", text])
    }
    if let layer { rows.append(["layer", "\(layer): features are its elements"]) }
    return rows
  }

  /// A row for each method with the mark and the number of each axiom.
  private var table: String {
    var rows = [["method"] + verification.axioms.map(\.name)]
    for method in verification.methods {
      rows.append(
        [method]
          + verification.axioms.map { axiom in
            verification.verdict(on: method, by: axiom.name).map(Self.cell) ?? ""
          })
    }
    return Console.table(rows)
  }

  private static func cell(_ verdict: Verification.Verdict) -> String {
    let number = verdict.number.map { " " + short($0) } ?? ""
    return switch verdict.outcome {
    case .holds: "✓" + number
    case .inExpectation: "~" + number
    case .fails: "✗" + number
    case .notDefined, .notApplicable: "-"
    case .notTried: "…"
    }
  }

  /// Why methods or axioms say nothing.
  private var reasons: [[String]] {
    var rows: [[String]] = []
    for method in verification.methods {
      let verdicts = verification.verdicts.filter { $0.method == method }
      let undefined = verdicts.filter { $0.outcome == .notDefined }
      let tried = Set(verdicts.flatMap(\.subjects))
      for reason in Set(undefined.map(\.explanation)).sorted() {
        let names = undefined.filter { $0.explanation == reason }.map(\.axiom)
        let isAll = tried.isEmpty
        rows.append([
          isAll ? method : "\(method), \(names.joined(separator: ", "))", "not defined: \(reason)",
        ])
      }
      if model == nil, undefined.isEmpty, tried.count < networks.count {
        let names = networks.map { $0[0] }.filter(tried.contains)
        rows.append([method, "defined on \(names.joined(separator: ", ")) only"])
      }
    }
    for axiom in verification.axioms {
      let verdicts = verification.verdicts.filter { $0.axiom == axiom.name }
      let tried = Set(verdicts.flatMap(\.subjects))
      if tried.isEmpty, let reason = verdicts.first(where: { $0.outcome == .notApplicable }) {
        rows.append([axiom.name, "says nothing: \(reason.explanation)"])
      } else if model == nil, !tried.isEmpty, tried.count < networks.count {
        let names = networks.map { $0[0] }.filter(tried.contains)
        rows.append([axiom.name, "says something of \(names.joined(separator: ", ")) only"])
      }
    }
    return rows
  }

  /// One line for each counter-example.
  private var details: [String] {
    verification.verdicts.filter { [.fails, .inExpectation].contains($0.outcome) }.map { verdict in
      let isOne = model != nil && inputs.count < 2
      let place = isOne ? "" : " on \(verdict.subject)"
      let mark = verdict.outcome == .fails ? "✗" : "~"
      return "\(mark) \(verdict.method), \(verdict.axiom)\(place): \(verdict.explanation)"
    }
  }

  /// A number in a few characters; tiny ones, which differ between machines, by their bound.
  private static func short(_ number: Double) -> String {
    switch abs(number) {
    case 0: "0"
    case ..<1e-12: "<1e-12"
    case ..<1e-6: "<1e-6"
    case ..<1e-3: "<0.001"
    case ..<100: String(format: "%.2g", number)
    case ..<1e6: String(format: "%.0f", number)
    default: String(format: "%.0e", number)
    }
  }
}
