// A program that knows OpenFeature: it prints a flag now and whenever something has changed, without asking again and again.
import { OpenFeature, ProviderEvents } from "@openfeature/server-sdk";
import { connectUserd, openNearCache } from "@userd/client";
import { UserdProvider } from "@userd/openfeature-provider";

const [flag = "theme-beta", targetingKey = "1"] = process.argv.slice(2);

const userd = connectUserd({ address: process.env["USERD_ADDRESS"] ?? "127.0.0.1:50051" });
await OpenFeature.setProviderAndWait(new UserdProvider(openNearCache(userd)));
const flags = OpenFeature.getClient();
const show = async () => console.log(await flags.getBooleanValue(flag, false, { targetingKey }));
flags.addHandler(ProviderEvents.ConfigurationChanged, show);

await show();
