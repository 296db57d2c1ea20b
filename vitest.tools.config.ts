import { defineConfig } from "vitest/config";
import { shared, tools } from "./vitest.config.ts";

export default defineConfig({ test: { ...shared, include: [...tools] } });
