internal import Attribution

/// Which axioms hold for which methods, on a model or on the reference networks: what `verify` finds.
public struct Verification: Sendable, Codable {
  /// A property that attributions should have.
  public struct Axiom: Sendable, Codable {
    /// The name in tables.
    public let name: String
    /// What it asks for, in one line.
    public let summary: String
    /// What the numbers of the verdicts are.
    public let measure: String
  }

  /// What a method came to by one axiom, on all inputs or networks together.
  public struct Verdict: Sendable, Codable {
    /// What a test came to.
    public enum Outcome: String, Sendable, Codable {
      /// No counter-example was found.
      case holds
      /// It holds for the mean over random maps, as far as their scatter shows.
      case inExpectation = "in expectation"
      /// There is a counter-example.
      case fails
      /// The method is not defined for the model.
      case notDefined = "not defined"
      /// The axiom says nothing of the model.
      case notApplicable = "not applicable"
      /// Time ran out before.
      case notTried = "not tried"
    }

    /// The method with its settings.
    public let method: String
    /// The name of the axiom.
    public let axiom: String
    /// Whether it holds.
    public let outcome: Outcome
    /// The axiom's measure, at its worst.
    public let number: Double?
    /// The counter-example, or why there is no verdict; empty where there is nothing to say.
    public let explanation: String
    /// The input or network that the explanation is about.
    public let subject: String
    /// The inputs or networks on which the method is defined and was tried.
    public let subjects: [String]
    /// Whether the method has the axiom by its definition, so that a counter-example is a fault of this
    /// program or of its precision.
    public let isPromised: Bool

    /// Writes every key, with null where there is no number.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(method, forKey: .method)
      try container.encode(axiom, forKey: .axiom)
      try container.encode(outcome, forKey: .outcome)
      try container.encode(number, forKey: .number)
      try container.encode(explanation, forKey: .explanation)
      try container.encode(subject, forKey: .subject)
      try container.encode(subjects, forKey: .subjects)
      try container.encode(isPromised, forKey: .isPromised)
    }
  }

  /// The axioms, in the order of the tables.
  public let axioms: [Axiom]
  /// The methods, in the order given.
  public let methods: [String]
  /// A verdict for each method and axiom, method by method.
  public let verdicts: [Verdict]

  /// The verdict on a method by an axiom.
  public func verdict(on method: String, by axiom: String) -> Verdict? {
    verdicts.first { $0.method == method && $0.axiom == axiom }
  }

  /// Counter-examples to what methods promise.
  public var brokenPromises: [Verdict] {
    verdicts.filter { $0.isPromised && $0.outcome == .fails }
  }

  /// Every axiom, in the order of the tables.
  public static var knownAxioms: [Axiom] {
    AxiomRegistry.axioms.map { Axiom(name: $0.name, summary: $0.summary, measure: $0.measure) }
  }

  init(_ results: [AxiomResult], of methods: [Method]) {
    let kinds = AxiomRegistry.axioms
    axioms = Self.knownAxioms
    self.methods = methods.map(\.description)
    verdicts = methods.flatMap { method in
      kinds.compactMap { axiom in
        Verdict(results.filter { $0.method == method && $0.axiom == axiom.name })
      }
    }
  }
}

extension Verification.Verdict {
  /// What the same test came to on several subjects: its worst outcome and number.
  fileprivate init?(_ results: [AxiomResult]) {
    let severity: [Outcome] = [
      .fails, .inExpectation, .holds, .notTried, .notDefined, .notApplicable,
    ]
    let outcomes = results.map { Outcome(rawValue: $0.verdict.outcome.rawValue) ?? .fails }
    guard let worst = severity.first(where: outcomes.contains) else { return nil }
    let matching = zip(results, outcomes).filter { $1 == worst }.map(\.0)
    // The size of a share of a change is the better the larger it is, of an error the smaller.
    let isShare = results.first?.axiom == SensitivityToChange.name
    func size(_ result: AxiomResult) -> Double { abs(result.verdict.number ?? 0) }
    let shown =
      isShare ? matching.min { size($0) < size($1) } : matching.max { size($0) < size($1) }
    guard let shown else { return nil }
    method = shown.method.description
    axiom = shown.axiom
    outcome = worst
    number = shown.verdict.number
    explanation = shown.verdict.explanation
    subject = shown.subject
    subjects = zip(results, outcomes).filter { [.fails, .inExpectation, .holds].contains($1) }
      .map(\.0.subject)
    isPromised = shown.isPromised
  }
}
