import { Initial } from "./20261128000000-initial.ts";
import { Feed } from "./20261129180000-feed.ts";
import { Audit } from "./20261129190000-audit.ts";
import { CheaperWrites } from "./20261129193000-cheaper-writes.ts";
import { AuditChain } from "./20261129194000-audit-chain.ts";
import { Lifecycle } from "./20261129200000-lifecycle.ts";
import { Forgetting } from "./20261129213000-forgetting.ts";
import { HeadByPosition } from "./20261129220000-head-by-position.ts";
import { OptionWrites } from "./20261130020000-option-writes.ts";
import { ErasableAnswers } from "./20261130023000-erasable-answers.ts";
import { FoundHistory } from "./20261130045044-found-history.ts";
import { LeanOptionWrites } from "./20261130093000-lean-option-writes.ts";
import { PartedHistory } from "./20261130094500-parted-history.ts";
import { LostOptions } from "./20261130095500-lost-options.ts";
import { OptionsTogether } from "./20261130124500-options-together.ts";
import { NamesOfKinds } from "./20261130133000-names-of-kinds.ts";
import { ReleasesOfEvents } from "./20261130133100-releases-of-events.ts";
import { OldRevisions } from "./20261130170000-old-revisions.ts";

/** All migrations, oldest first. They are listed here, not found by a glob, so that sources and build have the same list. */
export const migrations = [
  { name: "20261128000000-initial", class: Initial },
  { name: "20261129180000-feed", class: Feed },
  { name: "20261129190000-audit", class: Audit },
  { name: "20261129193000-cheaper-writes", class: CheaperWrites },
  { name: "20261129194000-audit-chain", class: AuditChain },
  { name: "20261129200000-lifecycle", class: Lifecycle },
  { name: "20261129213000-forgetting", class: Forgetting },
  { name: "20261129220000-head-by-position", class: HeadByPosition },
  { name: "20261130020000-option-writes", class: OptionWrites },
  { name: "20261130023000-erasable-answers", class: ErasableAnswers },
  { name: "20261130045044-found-history", class: FoundHistory },
  { name: "20261130093000-lean-option-writes", class: LeanOptionWrites },
  { name: "20261130094500-parted-history", class: PartedHistory },
  { name: "20261130095500-lost-options", class: LostOptions },
  { name: "20261130124500-options-together", class: OptionsTogether },
  { name: "20261130133000-names-of-kinds", class: NamesOfKinds },
  { name: "20261130133100-releases-of-events", class: ReleasesOfEvents },
  { name: "20261130170000-old-revisions", class: OldRevisions },
];
