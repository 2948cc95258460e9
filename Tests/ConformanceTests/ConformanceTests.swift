import Foundation
import Testing

/// ONNX's backend test suite, against the manifest of the cases that we claim.
///
/// `RECORD_MANIFEST=1` writes the manifest instead. Why the others do not pass stands in
/// `.build/onnx/SET.failures.txt` after every run.
@Suite(.serialized) struct ConformanceTests {
  @Test(arguments: BackendSet.allCases)
  func theManifestNamesExactlyTheCasesThatPass(set: BackendSet) throws {
    let cases = try set.cases()
    var failures: [String: String] = [:]
    for test in cases {
      do { try test.run() } catch { failures[test.name] = "\(error)" }
    }
    try report(failures, of: set)
    let passed = Set(cases.map(\.name)).subtracting(failures.keys)
    if Manifest.isRecording { try Manifest.record(passed, of: set) }
    let claimed = try Manifest.names(of: set)
    print(
      "\(set.rawValue): \(passed.intersection(claimed).count) passed, \(claimed.count) claimed, "
        + "\(cases.count) in all")
    for name in claimed.subtracting(passed).sorted() {
      Issue.record("\(name) is claimed but fails: \(failures[name] ?? "there is no such case")")
    }
    for name in passed.subtracting(claimed).sorted() {
      Issue.record("\(name) passes but is not claimed: run again with RECORD_MANIFEST=1")
    }
  }

  private func report(_ failures: [String: String], of set: BackendSet) throws {
    let text = failures.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\n" }.joined()
    let file = packageRoot.appending(path: ".build/onnx/\(set.rawValue).failures.txt")
    try Data(text.utf8).write(to: file)
  }
}
